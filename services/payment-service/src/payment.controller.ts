import { PayBody, PaymentBody } from '@holdfast/contracts';
import {
  ApiIdempotencyKey,
  ApiProblems,
  Caller,
  hasRole,
  IdempotencyKey,
  markReplayed,
  problem,
  requestHash,
  Roles,
  unavailable,
  type Identity,
} from '@holdfast/http';
import { Body, Controller, Get, HttpStatus, Post, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiCreatedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { hasEnded } from './attempt-lifecycle';
import type { Attempt } from './attempts';
import { PaymentId } from './path-id';
import { paymentBody, paymentProblem } from './payment-answer';
import { Payments } from './payments';

@ApiTags('payments')
@ApiBearerAuth()
@Roles('buyer')
@Controller('v1/payments')
export class PaymentController {
  constructor(private readonly payments: Payments) {}

  @Post()
  @ApiOperation({ summary: 'Pay a hold', description: 'The amount is the price of its seats.' })
  @ApiIdempotencyKey()
  @ApiBody({ type: PayBody })
  @ApiCreatedResponse({ type: PaymentBody, description: 'Captured: the seats are the buyer’s' })
  @ApiAcceptedResponse({
    type: PaymentBody,
    description: '`pending`: it goes on by itself. `requires-action`: the payer has to do what `nextAction` says',
  })
  @ApiProblems(
    'card-declined',
    'hold-expired',
    'hold-ended',
    'unknown-hold',
    'payment-in-progress',
    'stale-version',
    'request-in-progress',
    'validation-failed',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'idempotency-key-reused',
    'overloaded',
    'unavailable',
    'unauthorised',
    'forbidden',
  )
  async pay(
    @Caller() caller: Identity,
    @IdempotencyKey() key: string,
    @Body() body: PayBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PaymentBody> {
    const { eventId, holdId, version, paymentMethod } = body;
    const request = { eventId, holdId, version, paymentMethod };
    const paid = await this.payments.pay({ ...request, buyerId: caller.id, key, bodyHash: requestHash(request) });
    switch (paid.outcome) {
      case 'key-reused':
        throw problem('idempotency-key-reused');
      case 'request-in-progress':
      case 'payment-in-progress':
      case 'overloaded':
        throw problem(paid.outcome);
      case 'unavailable':
        throw unavailable('RabbitMQ');
      case 'payment':
        markReplayed(reply, paid.replayed);
        return this.answer(paid.attempt, reply);
    }
  }

  @Get(':paymentId')
  @Roles('buyer', 'service')
  @ApiOperation({
    summary: 'A payment as it is now',
    description:
      'A buyer’s own; anybody’s for the role `service`. One that waits for its payer is looked for at the provider, at most ' +
      'once a second however often it is read.',
  })
  @ApiParam({ name: 'paymentId', format: 'uuid' })
  @ApiOkResponse({ type: PaymentBody })
  @ApiProblems('unknown-payment', 'unavailable', 'unauthorised', 'forbidden')
  async read(@Caller() caller: Identity, @PaymentId() paymentId: string): Promise<PaymentBody> {
    const attempt = await this.payments.read(paymentId, buyerOf(caller));
    if (!attempt) throw problem('unknown-payment');
    return this.body(attempt);
  }

  private async answer(attempt: Attempt, reply: FastifyReply): Promise<PaymentBody> {
    const failure = paymentProblem(attempt);
    if (failure) throw failure;
    void reply.status(attempt.state === 'captured' ? HttpStatus.CREATED : HttpStatus.ACCEPTED);
    return this.body(attempt);
  }

  private async body(attempt: Attempt): Promise<PaymentBody> {
    const refunds = hasEnded(attempt.state) ? await this.payments.refundsOf(attempt) : [];
    const isWaiting = attempt.state === 'requires-action';
    return paymentBody(attempt, refunds, isWaiting ? await this.payments.nextAction(attempt) : undefined);
  }
}

/** Whose payments a caller may see: only their own, unless it is a service. */
export function buyerOf(caller: Identity): string | undefined {
  return hasRole(caller, ['service']) ? undefined : caller.id;
}
