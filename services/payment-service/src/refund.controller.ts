import { RefundBody, RefundSeatsBody, SEATS_PER_HOLD_MAX } from '@holdfast/contracts';
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
import { Body, Controller, HttpStatus, Inject, Post, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiCreatedResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { PaymentId } from './path-id';
import { refundBody } from './payment-answer';
import { buyerOf } from './payment.controller';
import { Payments, type RefundOutcome } from './payments';

/** Token of the setting: may buyers give seats back by themselves? */
export const REFUNDS_BY_BUYERS = Symbol('refunds by buyers');

@ApiTags('payments')
@ApiBearerAuth()
@Roles('buyer', 'service')
@Controller('v1/payments/:paymentId/refunds')
export class RefundController {
  constructor(
    private readonly payments: Payments,
    @Inject(REFUNDS_BY_BUYERS) private readonly refundsByBuyers: boolean,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Give seats of a payment back',
    description:
      'The seats are on sale again, then their price goes back the way it came. Buyers give back their own, where the ' +
      'seller lets them; the role `service` anybody’s.',
  })
  @ApiParam({ name: 'paymentId', format: 'uuid' })
  @ApiIdempotencyKey()
  @ApiBody({ type: RefundSeatsBody })
  @ApiCreatedResponse({ type: RefundBody, description: 'It has come to its end, which `state` tells' })
  @ApiAcceptedResponse({ type: RefundBody, description: '`pending`: it goes on by itself' })
  @ApiProblems(
    'unknown-payment',
    'payment-not-captured',
    'seats-refunded',
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
  async refund(
    @Caller() caller: Identity,
    @PaymentId() attemptId: string,
    @IdempotencyKey() key: string,
    @Body() { seats }: RefundSeatsBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RefundBody> {
    const buyerId = buyerOf(caller);
    if (buyerId && !this.refundsByBuyers) {
      throw problem('forbidden', { detail: 'Here the seller gives seats back: ask there.' });
    }
    if (seats) checkDistinctSeats(seats, SEATS_PER_HOLD_MAX);
    const bodyHash = requestHash({ seats: seats && [...seats].sort() });
    const request = { attemptId, buyerId, askedBy: caller.id, key, bodyHash, seatIds: seats };
    return refundAnswer(await this.payments.refund(request), reply);
  }
}

function refundAnswer(refunded: RefundOutcome, reply: FastifyReply): RefundBody {
  switch (refunded.outcome) {
    case 'key-reused':
      throw problem('idempotency-key-reused');
    case 'overloaded':
    case 'unknown-payment':
    case 'payment-not-captured':
      throw problem(refunded.outcome);
    case 'unknown-seats':
    case 'seats-refunded':
      throw problem(refunded.outcome, { seatIds: refunded.seatIds });
    case 'refund': {
      const body = refundBody(refunded.refund);
      markReplayed(reply, refunded.replayed);
      void reply.status(body.state === 'pending' ? HttpStatus.ACCEPTED : HttpStatus.CREATED);
      return body;
    }
  }
}
