import type { AttemptLine, Books, HoldLine, IntentLine } from './books';

/** What must hold when every payment has ended, whatever happened on the way. */
export const INVARIANTS = [
  'every attempt ends',
  'nobody is charged without a seat',
  'no seat is given without its charge',
  'a hold is booked as a whole or not at all',
  'nothing is captured beyond what was authorised',
  'nothing is refunded beyond what was captured',
  'no money is left set aside',
  "our attempts and the provider's books say the same",
] as const;
export type Invariant = (typeof INVARIANTS)[number];

export interface Violation {
  invariant: Invariant;
  holdId: string;
  what: string;
}

/** Intents in these states could still take money, or have it set aside. */
const OPEN = new Set(['requires_action', 'requires_capture', 'processing']);

/**
 * Compares the books of both sides with the seats. It knows nothing of how payments work, only what money and seats are:
 * whoever has paid for a hold has its seats, and nobody else.
 */
export function judge({ holds, attempts, intents }: Books): Violation[] {
  const byHold = groupBy(intents, ({ holdId }) => holdId);
  return [
    ...attempts.filter(({ ended }) => !ended).map(neverEnded),
    ...holds.flatMap((hold) => judgeHold(hold, byHold.get(hold.holdId) ?? [])),
    ...intents.flatMap(judgeIntent),
    ...compareBooks(attempts, intents),
  ];
}

function neverEnded({ holdId, attemptId, state }: AttemptLine): Violation {
  return { invariant: 'every attempt ends', holdId, what: `attempt ${attemptId} is ${state}` };
}

function judgeHold({ holdId, seats, booked, amountMinor }: HoldLine, intents: IntentLine[]): Violation[] {
  const paidMinor = intents.reduce((sum, intent) => sum + intent.capturedMinor - intent.refundedMinor, 0);
  const worthMinor = (amountMinor * booked) / seats;
  const violations: Violation[] = [];
  const add = (invariant: Invariant, what: string) => violations.push({ invariant, holdId, what });
  if (paidMinor > worthMinor)
    add('nobody is charged without a seat', `paid ${paidMinor} for ${booked} of ${seats} seats`);
  if (paidMinor < worthMinor)
    add('no seat is given without its charge', `paid ${paidMinor} for ${booked} of ${seats} seats`);
  if (booked !== 0 && booked !== seats && intents.every(({ refundedMinor }) => refundedMinor === 0)) {
    add('a hold is booked as a whole or not at all', `${booked} of ${seats} seats`);
  }
  return violations;
}

function judgeIntent(intent: IntentLine): Violation[] {
  const { intentId, holdId, status, authorisedMinor, capturedMinor, refundedMinor } = intent;
  const violations: Violation[] = [];
  const add = (invariant: Invariant, what: string) =>
    violations.push({ invariant, holdId, what: `${intentId}: ${what}` });
  if (capturedMinor > authorisedMinor) {
    add('nothing is captured beyond what was authorised', `${capturedMinor} of ${authorisedMinor}`);
  }
  if (refundedMinor > capturedMinor)
    add('nothing is refunded beyond what was captured', `${refundedMinor} of ${capturedMinor}`);
  if (OPEN.has(status)) add('no money is left set aside', status);
  return violations;
}

/** An attempt that says it was captured has exactly one intent that took money, and no other attempt has any. */
function compareBooks(attempts: AttemptLine[], intents: IntentLine[]): Violation[] {
  const paid = groupBy(
    intents.filter(({ capturedMinor, refundedMinor }) => capturedMinor > refundedMinor),
    ({ attemptId }) => attemptId,
  );
  const known = new Set(attempts.map(({ attemptId }) => attemptId));
  const invariant = "our attempts and the provider's books say the same";
  return [
    ...attempts
      .filter(({ attemptId, state }) => (paid.get(attemptId)?.length ?? 0) !== (state === 'captured' ? 1 : 0))
      .map(({ attemptId, holdId, state }): Violation => ({
        invariant,
        holdId,
        what: `attempt ${attemptId} is ${state}, and ${paid.get(attemptId)?.length ?? 0} of its intents took money`,
      })),
    ...intents
      .filter(({ attemptId }) => !known.has(attemptId))
      .map(({ intentId, holdId }): Violation => ({ invariant, holdId, what: `${intentId} belongs to no attempt` })),
  ];
}

function groupBy<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
