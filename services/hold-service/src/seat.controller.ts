import type { Readable } from 'node:stream';
import { BlockedSeatsBody, BlockSeatsBody, LayoutBody, SEATS_PER_BLOCK_MAX, SeatsBody } from '@holdfast/contracts';
import { Guard } from '@holdfast/guard';
import {
  ApiIdempotencyKey,
  ApiProblems,
  Caller,
  checkDistinctSeats,
  IdempotencyKey,
  markReplayed,
  OptionalIdempotencyKey,
  problem,
  requestHash,
  Roles,
  type Identity,
} from '@holdfast/http';
import { block, readEvent, unblock, type BlockOutcome } from '@holdfast/inventory';
import { Database } from '@holdfast/postgres';
import { Body, Controller, Delete, Get, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { v7 as newId } from 'uuid';
import { Layouts } from './layouts';
import { PacedAnswers } from './paced-answers';
import { EventId } from './path-id';
import { refusalProblem } from './refusal';
import { SeatMaps } from './seat-maps';

@ApiTags('seats')
@Controller('v1/events/:eventId')
export class SeatController {
  constructor(
    private readonly database: Database,
    private readonly guard: Guard,
    private readonly layouts: Layouts,
    private readonly seatMaps: SeatMaps,
    private readonly answers: PacedAnswers,
  ) {}

  @Get('layout')
  @ApiOperation({ summary: 'The plan as it is drawn; it never changes' })
  @ApiOkResponse({ type: LayoutBody })
  @ApiResponse({ status: 304, description: 'The caller has it already' })
  @ApiProblems('unknown-event')
  async layout(
    @EventId() eventId: string,
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readable | undefined> {
    // An id names one layout for ever: whoever knows the tag has it.
    const tag = `"${eventId}"`;
    void reply.header('etag', tag).header('cache-control', 'public, max-age=31536000, immutable');
    if (known === tag || known === `W/${tag}`) {
      void reply.status(304);
      return undefined;
    }
    const layout = await this.layouts.open(eventId);
    if (layout === undefined) {
      void reply.removeHeader('etag').removeHeader('cache-control');
      throw problem('unknown-event');
    }
    void reply.type('application/json; charset=utf-8');
    return this.answers.stream(layout);
  }

  @Get('seats')
  @ApiOperation({ summary: 'The state of every seat, in the order of the layout' })
  @ApiOkResponse({ type: SeatsBody })
  @ApiProblems('unknown-event')
  async seats(@EventId() eventId: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Readable> {
    const seats = await this.seatMaps.open(eventId);
    if (!seats) throw problem('unknown-event');
    void reply
      .type('application/json; charset=utf-8')
      .headers({ 'cache-control': 'no-store', 'content-length': seats.bytes });
    const answer = this.answers.stream(seats.parts());
    answer.once('close', seats.letGo);
    return answer;
  }

  @Post('blocks')
  @HttpCode(200)
  @Roles('organiser')
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Take seats off sale, all or none' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: BlockedSeatsBody })
  @ApiProblems(
    'unknown-event',
    'seats-taken',
    'unknown-seats',
    'duplicate-seats',
    'too-many-seats',
    'validation-failed',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'idempotency-key-reused',
    'unauthorised',
    'forbidden',
  )
  async block(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @IdempotencyKey() key: string,
    @Body() body: BlockSeatsBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BlockedSeatsBody> {
    const request = await this.request(caller, eventId, key, body);
    const answer = toBody(await block(this.database, eventId, request), reply);
    await this.guard.block(eventId, answer.seats);
    return answer;
  }

  @Delete('blocks')
  @Roles('organiser')
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Put blocked seats back on sale, all or none' })
  @ApiIdempotencyKey({ required: false })
  @ApiOkResponse({ type: BlockedSeatsBody })
  @ApiProblems(
    'unknown-event',
    'seats-not-blocked',
    'unknown-seats',
    'duplicate-seats',
    'too-many-seats',
    'validation-failed',
    'idempotency-key-invalid',
    'idempotency-key-reused',
    'unauthorised',
    'forbidden',
  )
  async unblock(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @OptionalIdempotencyKey() key: string | undefined,
    @Body() body: BlockSeatsBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BlockedSeatsBody> {
    const request = await this.request(caller, eventId, key ?? newId(), body);
    const answer = toBody(await unblock(this.database, eventId, request), reply);
    await this.guard.unblock(eventId, answer.seats);
    return answer;
  }

  private async request(caller: Identity, eventId: string, key: string, body: BlockSeatsBody) {
    const { seats: seatIds, reason } = body;
    checkDistinctSeats(seatIds, SEATS_PER_BLOCK_MAX);
    const event = await readEvent(this.database, eventId);
    if (event?.organiserId !== caller.id) throw problem('unknown-event');
    return { organiserId: caller.id, key, bodyHash: requestHash(body), seatIds, reason };
  }
}

function toBody(outcome: BlockOutcome, reply: FastifyReply): BlockedSeatsBody {
  if (!('replayed' in outcome)) throw refusalProblem(outcome);
  markReplayed(reply, outcome.replayed);
  return {
    seats: outcome.seatIds,
    state: outcome.outcome === 'blocked' ? 'blocked' : 'available',
    serverTime: outcome.serverTime.toISOString(),
  };
}
