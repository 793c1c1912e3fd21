import { problem, type Problem } from '@holdfast/http';
import type { BlockOutcome, ExtendOutcome, HoldOutcome, ReleaseOutcome } from '@holdfast/inventory';
import type { TakeOutcome } from './hold-taking';

type Done = 'held' | 'extended' | 'released' | 'blocked' | 'unblocked';
type Outcome = HoldOutcome | TakeOutcome | ExtendOutcome | ReleaseOutcome | BlockOutcome;
export type Refusal = Exclude<Outcome, { outcome: Done }>;

/** What the edge answers when the inventory refuses. Other buyers' ids never leave the service. */
export function refusalProblem(refusal: Refusal): Problem {
  switch (refusal.outcome) {
    case 'seats-taken':
      return problem('seats-taken', {
        seats: refusal.seats.map((seat) => ({
          seatId: seat.seatId,
          state: seat.state,
          heldByYou: 'heldByYou' in seat && seat.heldByYou,
        })),
      });
    case 'not-blocked':
      return problem('seats-not-blocked', { seats: refusal.seats });
    case 'unknown-seats':
      return problem('unknown-seats', { seatIds: refusal.seatIds });
    case 'too-many-seats':
      return problem('too-many-seats', { limit: refusal.limit });
    case 'buyer-limit':
      return problem('buyer-limit', { limit: refusal.limit, holding: refusal.holding });
    case 'not-on-sale':
      return problem('not-on-sale', { onSaleFrom: refusal.from, onSaleUntil: refusal.until, closed: refusal.closed });
    case 'expired':
      return problem('hold-expired', { expiredAt: refusal.deadline });
    case 'ended':
      return problem('hold-ended', { state: refusal.state });
    case 'stale-version':
      return problem('stale-version', { version: refusal.version });
    case 'no-extensions-left':
      return problem('no-extensions-left', { limit: refusal.limit });
    case 'key-reused':
      return problem('idempotency-key-reused');
    case 'unknown-event':
    case 'unknown-hold':
    case 'payment-in-progress':
      return problem(refusal.outcome);
  }
}
