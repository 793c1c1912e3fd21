import {
  CreateHoldBody,
  ExtendHoldBody,
  HistoryBody,
  HoldBody,
  HoldListBody,
  SEATS_PER_HOLD_MAX,
  VersionQuery,
} from '@holdfast/contracts';
import { Guard } from '@holdfast/guard';
import {
  ApiIdempotencyKey,
  ApiProblems,
  Caller,
  checkDistinctSeats,
  IdempotencyKey,
  markReplayed,
  problem,
  requestHash,
  Roles,
  type Identity,
} from '@holdfast/http';
import {
  extend,
  listHolds,
  only,
  readClock,
  readEvent,
  readHistory,
  readHold,
  release,
  type Hold,
} from '@holdfast/inventory';
import { Database } from '@holdfast/postgres';
import { Body, Controller, Delete, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { toBody } from './hold-body';
import { HoldTaking } from './hold-taking';
import { EventId, HoldId } from './path-id';
import { refusalProblem } from './refusal';
import { takeHold } from './take-hold';

/** A buyer's latest holds of one event; the limit per buyer keeps those that count far below. */
const HOLDS_LISTED_MAX = 100;

@ApiTags('holds')
@ApiBearerAuth()
@Roles('buyer')
@Controller('v1/events/:eventId/holds')
export class HoldController {
  constructor(
    private readonly database: Database,
    private readonly guard: Guard,
    private readonly taking: HoldTaking,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Hold seats, all or none' })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: HoldBody })
  @ApiProblems(
    'seats-taken',
    'buyer-limit',
    'not-on-sale',
    'unknown-event',
    'unknown-seats',
    'duplicate-seats',
    'too-many-seats',
    'validation-failed',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'idempotency-key-reused',
    'overloaded',
    'unavailable',
    'unauthorised',
    'forbidden',
  )
  async create(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @IdempotencyKey() key: string,
    @Body() body: CreateHoldBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HoldBody> {
    checkDistinctSeats(body.seats, SEATS_PER_HOLD_MAX);
    const outcome = await takeHold(this.taking, eventId, caller.id, key, body);
    if (outcome.outcome !== 'held') throw refusalProblem(outcome);
    markReplayed(reply, outcome.replayed);
    void reply.header('location', `/v1/events/${eventId}/holds/${outcome.hold.holdId}`);
    return toBody(outcome.hold, outcome.serverTime);
  }

  @Get()
  @ApiOperation({ summary: "The caller's latest holds of this event" })
  @ApiOkResponse({ type: HoldListBody })
  @ApiProblems('unknown-event', 'unauthorised', 'forbidden')
  async list(@Caller() caller: Identity, @EventId() eventId: string): Promise<HoldListBody> {
    const { holds, serverTime } = await listHolds(this.database, eventId, caller.id, HOLDS_LISTED_MAX);
    if (holds.length === 0 && !(await readEvent(this.database, eventId))) throw problem('unknown-event');
    return { holds: holds.map((hold) => toBody(hold, serverTime)) };
  }

  @Get(':holdId')
  @ApiOperation({ summary: 'A hold of the caller' })
  @ApiOkResponse({ type: HoldBody })
  @ApiProblems('unknown-hold', 'unauthorised', 'forbidden')
  async read(@Caller() caller: Identity, @EventId() eventId: string, @HoldId() holdId: string): Promise<HoldBody> {
    const found = await readHold(this.database, eventId, holdId, caller.id);
    if (!found) throw problem('unknown-hold');
    return toBody(found.hold, found.serverTime);
  }

  @Delete(':holdId')
  @ApiOperation({ summary: 'Give the seats back before the deadline; again changes nothing' })
  @ApiOkResponse({ type: HoldBody })
  @ApiProblems(
    'unknown-hold',
    'hold-expired',
    'hold-ended',
    'stale-version',
    'validation-failed',
    'unauthorised',
    'forbidden',
  )
  async release(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @HoldId() holdId: string,
    @Query() { version }: VersionQuery,
  ): Promise<HoldBody> {
    const outcome = only(await release(this.database, eventId, [{ holdId, buyerId: caller.id, version }]));
    if (outcome.outcome !== 'released') throw refusalProblem(outcome);
    await this.guard.release(eventId, holdId, seatIdsOf(outcome.hold));
    return toBody(outcome.hold, outcome.serverTime);
  }

  @Post(':holdId/extend')
  @HttpCode(200)
  @ApiOperation({ summary: 'Move the deadline, a bounded number of times' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: HoldBody })
  @ApiProblems(
    'unknown-hold',
    'hold-expired',
    'hold-ended',
    'stale-version',
    'payment-in-progress',
    'no-extensions-left',
    'validation-failed',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'idempotency-key-reused',
    'unauthorised',
    'forbidden',
  )
  async extend(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @HoldId() holdId: string,
    @IdempotencyKey() key: string,
    @Body() body: ExtendHoldBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HoldBody> {
    // The key's scope is buyer and verb: the hold it was used for is part of the request.
    const bodyHash = requestHash({ holdId, ...body });
    const request = { holdId, buyerId: caller.id, key, bodyHash, seconds: body.seconds, version: body.version };
    const outcome = only(await extend(this.database, eventId, [request]));
    if (outcome.outcome !== 'extended') throw refusalProblem(outcome);
    const { hold, serverTime, replayed } = outcome;
    const msLeft = hold.deadline.getTime() - serverTime.getTime();
    await this.guard.extend(eventId, { holdId, seatIds: seatIdsOf(hold), msLeft });
    markReplayed(reply, replayed);
    return toBody(hold, serverTime);
  }

  @Get(':holdId/history')
  @ApiOperation({ summary: 'What happened to the hold and its seats' })
  @ApiOkResponse({ type: HistoryBody })
  @ApiProblems('unknown-hold', 'unauthorised', 'forbidden')
  async history(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @HoldId() holdId: string,
  ): Promise<HistoryBody> {
    const entries = await readHistory(this.database, eventId, holdId, caller.id);
    if (!entries) throw problem('unknown-hold');
    return {
      holdId,
      entries: entries.map(({ kind, seatId, seatVersion, actor, reason, at }) => ({
        kind,
        seatId,
        seatVersion,
        actor,
        reason,
        at: at.toISOString(),
      })),
      serverTime: (await readClock(this.database)).toISOString(),
    };
  }
}

function seatIdsOf(hold: Hold): string[] {
  return hold.seats.map((seat) => seat.seatId);
}
