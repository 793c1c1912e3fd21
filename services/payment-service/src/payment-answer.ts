import type { PaymentActionBody, PaymentBody } from '@holdfast/contracts';
import { problem, type Problem } from '@holdfast/http';
import { hasEnded, type State } from './attempt-lifecycle';
import type { Attempt } from './attempts';

const ANSWERED_AS_IS: ReadonlySet<State> = new Set(['requires-action']);

/** An attempt as its buyer sees it. */
export function paymentBody(attempt: Attempt, nextAction?: PaymentActionBody): PaymentBody {
  return {
    paymentId: attempt.attemptId,
    eventId: attempt.eventId,
    holdId: attempt.holdId,
    state: publicState(attempt.state),
    reason: attempt.reason ?? undefined,
    amountMinor: attempt.amountMinor ?? undefined,
    currency: attempt.currency ?? undefined,
    seatIds: attempt.seatIds ?? undefined,
    expiresAt: attempt.deadline?.toISOString(),
    nextAction,
    createdAt: attempt.createdAt.toISOString(),
    serverTime: attempt.serverTime.toISOString(),
  };
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
  if (state === 'refused') return holdProblem(reason, deadline, undefined);
  if (state === 'voided') return holdProblem(reason, deadline, paymentId);
  return undefined;
}

function holdProblem(given: string | null, deadline: Date | null, paymentId: string | undefined): Problem {
  const reason = given ?? '';
  const detail = paymentId && 'The card was not charged.';
  switch (reason) {
    case 'unknown-hold':
    case 'stale-version':
    case 'payment-in-progress':
      return problem(reason, { paymentId });
    case 'expired':
      return problem('hold-expired', { expiredAt: deadline?.toISOString(), paymentId, detail });
    case 'cancelled-at-provider':
      return problem('card-declined', { reason, paymentId, detail });
    case 'unavailable':
      return problem('unavailable', { paymentId });
    default:
      return problem('hold-ended', { reason, paymentId, detail });
  }
}

function publicState(state: State): PaymentBody['state'] {
  return hasEnded(state) || ANSWERED_AS_IS.has(state) ? (state as PaymentBody['state']) : 'pending';
}
