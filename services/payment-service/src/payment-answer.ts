import type { PaymentActionBody, PaymentBody, PaymentSeatBody, RefundBody } from '@holdfast/contracts';
import { problem, unavailable, type Problem } from '@holdfast/http';
import { hasEnded, type State } from './attempt-lifecycle';
import type { Attempt } from './attempts';
import { hasRefundEnded } from './refund-lifecycle';
import type { Refund } from './refunds';

type SeatState = PaymentSeatBody['state'];

const ANSWERED_AS_IS: ReadonlySet<State> = new Set(['requires-action']);

/** States in which an attempt with a late hold has its seats by it. */
const BOOKED: ReadonlySet<State> = new Set(['booked', 'captured', 'uncapturable', 'capture-failed']);

/** An attempt as its buyer sees it. */
export function paymentBody(attempt: Attempt, refunds: Refund[], nextAction?: PaymentActionBody): PaymentBody {
  return {
    paymentId: attempt.attemptId,
    eventId: attempt.eventId,
    holdId: attempt.holdId,
    state: publicState(attempt.state),
    reason: attempt.reason ?? undefined,
    amountMinor: attempt.amountMinor ?? undefined,
    currency: attempt.currency ?? undefined,
    seatIds: attempt.seatIds ?? undefined,
    seats: attempt.seatIds?.map((seatId, index) => ({
      seatId,
      priceMinor: attempt.seatPricesMinor?.[index] ?? 0,
      state: seatState(
        attempt,
        // The last one: what failed may have been asked for again.
        refunds.findLast(({ seatIds }) => seatIds.includes(seatId)),
      ),
    })),
    lateHoldId: BOOKED.has(attempt.state) ? (attempt.lateHoldId ?? undefined) : undefined,
    refundedMinor: attempt.refundedMinor,
    refunds: refunds.map(refundBody),
    expiresAt: attempt.deadline?.toISOString(),
    nextAction,
    createdAt: attempt.createdAt.toISOString(),
    serverTime: attempt.serverTime.toISOString(),
  };
}

/** A refund as the buyer sees it. */
export function refundBody(refund: Refund): RefundBody {
  return {
    refundId: refund.refundId,
    paymentId: refund.attemptId,
    state: hasRefundEnded(refund.state) ? (refund.state as RefundBody['state']) : 'pending',
    reason: refund.failure ?? undefined,
    seatIds: refund.seatIds,
    amountMinor: refund.amountMinor,
    currency: refund.currency,
    createdAt: refund.createdAt.toISOString(),
    serverTime: refund.serverTime.toISOString(),
  };
}

function seatState({ state }: Attempt, refund: Refund | undefined): SeatState {
  if (refund?.state === 'refunded') return 'refunded';
  if (refund) return hasRefundEnded(refund.state) ? 'refund-failed' : 'refunding';
  if (state === 'captured') return 'booked';
  return hasEnded(state) ? 'lost' : 'pending';
}

/** Why an attempt has ended without success, as the answer to the request that made it; undefined while there is hope. */
export function paymentProblem(attempt: Attempt): Problem | undefined {
  const { state, reason, deadline, attemptId: paymentId } = attempt;
  if (state === 'declined' && reason === 'unknown-payment-method') {
    const errors = [{ path: 'paymentMethod', message: 'the provider knows no such payment method' }];
    return problem('validation-failed', { errors, paymentId });
  }
  if (state === 'declined') return problem('card-declined', { reason, paymentId });
  if (state === 'capture-failed') {
    return problem('card-declined', { reason, paymentId, detail: 'Not charged. The seats were given back.' });
  }
  // Its seats were not free any more: what matters to the buyer is that the hold had run out.
  const why = attempt.lateHoldId ? 'expired' : reason;
  if (state === 'refused') return holdProblem(why, deadline, undefined);
  if (state === 'voided') return holdProblem(why, deadline, paymentId, 'The card was not charged.');
  if (state === 'returned') return holdProblem(why, deadline, paymentId, 'All of what was charged is being refunded.');
  return undefined;
}

function holdProblem(
  given: string | null,
  deadline: Date | null,
  paymentId: string | undefined,
  detail?: string,
): Problem {
  const reason = given ?? '';
  switch (reason) {
    case 'unknown-hold':
    case 'stale-version':
    case 'payment-in-progress':
      return problem(reason, { paymentId });
    case 'expired':
      return problem('hold-expired', { expiredAt: deadline?.toISOString(), paymentId, detail });
    case 'cancelled-at-provider':
    case 'amount-differs':
      return problem('card-declined', { reason, paymentId, detail });
    case 'unavailable':
      return unavailable('RabbitMQ', { paymentId });
    default:
      return problem('hold-ended', { reason, paymentId, detail });
  }
}

function publicState(state: State): PaymentBody['state'] {
  return hasEnded(state) || ANSWERED_AS_IS.has(state) ? (state as PaymentBody['state']) : 'pending';
}
