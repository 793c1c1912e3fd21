import { CreateEventBody, EventBody, EventListBody, EventListQuery, EventWithCountsBody } from '@holdfast/contracts';
import {
  ApiIdempotencyKey,
  ApiProblems,
  Caller,
  IdempotencyKey,
  LargeBody,
  markReplayed,
  problem,
  Roles,
  type Identity,
} from '@holdfast/http';
import { closeEvent, listEvents, readClock, readCounts, readEvent, type EventDetails } from '@holdfast/inventory';
import { Database } from '@holdfast/postgres';
import { Body, Controller, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { EventImports, IMPORT_BYTES_IN_HAND } from './event-imports';
import { EventId } from './path-id';
import { refusalProblem } from './refusal';

/** A plan of 200,000 seats takes about 40 MiB as the editor writes it. */
const PLAN_LIMIT_BYTES = 64 * 1024 * 1024;

@ApiTags('events')
@Controller('v1/events')
export class EventController {
  constructor(
    private readonly database: Database,
    private readonly imports: EventImports,
  ) {}

  @Post()
  @Roles('organiser')
  @LargeBody({ bytesMax: PLAN_LIMIT_BYTES, bytesInHand: IMPORT_BYTES_IN_HAND, role: 'organiser' })
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Create an event from a seating plan' })
  @ApiIdempotencyKey()
  @ApiBody({ type: CreateEventBody })
  @ApiCreatedResponse({ type: EventBody })
  @ApiProblems(
    'validation-failed',
    'payload-too-large',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'idempotency-key-reused',
    'unauthorised',
    'forbidden',
  )
  async create(
    @Caller() caller: Identity,
    @IdempotencyKey() key: string,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EventBody> {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    const created = await this.imports.create({ organiserId: caller.id, key, bytes });
    if (created.outcome === 'key-reused') throw refusalProblem(created);
    markReplayed(reply, created.replayed);
    void reply.header('location', `/v1/events/${created.event.eventId}`);
    return toBody(created.event);
  }

  @Get()
  @ApiOperation({ summary: 'Events, newest first, a page at a time' })
  @ApiOkResponse({ type: EventListBody })
  @ApiProblems('validation-failed')
  async list(@Query() query: EventListQuery): Promise<EventListBody> {
    const events = await listEvents(this.database, query.limit, query.before);
    return { events: events.map(toBody), serverTime: (await readClock(this.database)).toISOString() };
  }

  @Get(':eventId')
  @ApiOperation({ summary: 'An event, and how many of its seats stand in each state' })
  @ApiOkResponse({ type: EventWithCountsBody })
  @ApiProblems('unknown-event')
  async read(@EventId() eventId: string): Promise<EventWithCountsBody> {
    const event = await readEvent(this.database, eventId);
    if (!event) throw problem('unknown-event');
    const counts = await readCounts(this.database, eventId);
    return { ...toBody(event), counts, serverTime: (await readClock(this.database)).toISOString() };
  }

  @Post(':eventId/close')
  @HttpCode(200)
  @Roles('organiser')
  @ApiBearerAuth()
  @ApiOperation({ summary: 'End the sale for good; living holds may still be paid' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: EventBody })
  @ApiProblems('unknown-event', 'idempotency-key-required', 'idempotency-key-invalid', 'unauthorised', 'forbidden')
  async close(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    // Closing twice is closing once, so the key decides nothing; it is asked for like on every other POST.
    @IdempotencyKey() _key: string,
  ): Promise<EventBody> {
    const closed = await closeEvent(this.database, eventId, caller.id);
    if (closed.outcome === 'unknown-event') throw refusalProblem(closed);
    return toBody(closed.event);
  }
}

function toBody(event: EventDetails): EventBody {
  const { eventId, name, currency, seatCount, categories, sale, createdAt, closedAt } = event;
  return {
    eventId,
    name,
    currency,
    seatCount,
    categories,
    sale: {
      ...sale,
      startsAt: sale.startsAt.toISOString(),
      endsAt: sale.endsAt?.toISOString() ?? null,
      closedAt: closedAt?.toISOString() ?? null,
    },
    createdAt: createdAt.toISOString(),
  };
}
