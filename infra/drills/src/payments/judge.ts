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
  "our books and the provider's say the same",
  'our ledger adds up to nothing',
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
  const leftToPeople = new Set(attempts.filter(({ isBreak }) => isBreak).map(({ holdId }) => holdId));
  return [
    ...attempts.filter(({ ended }) => !ended).map(neverEnded),
    ...holds.flatMap((hold) => judgeHold(hold, byHold.get(hold.holdId) ?? [], leftToPeople.has(hold.holdId))),
    ...intents.flatMap(judgeIntent),
    ...compareBooks(attempts, intents),
  ];
}

function neverEnded({ holdId, attemptId, state }: AttemptLine): Violation {
  return { invariant: 'every attempt ends', holdId, what: `attempt ${attemptId} is ${state}, or a refund of it` };
}

/** @param leftToPeople money that the provider would not give back is no violation when a break says so */
function judgeHold(
  { holdId, seats, booked, amountMinor }: HoldLine,
  intents: IntentLine[],
  leftToPeople: boolean,
): Violation[] {
  const paidMinor = intents.reduce((sum, intent) => sum + intent.capturedMinor - intent.refundedMinor, 0);
  const worthMinor = (amountMinor * booked) / seats;
  const violations: Violation[] = [];
  const add = (invariant: Invariant, what: string) => violations.push({ invariant, holdId, what });
  const what = `paid ${paidMinor} for ${booked} of ${seats} seats`;
  if (paidMinor > worthMinor && !leftToPeople) add('nobody is charged without a seat', what);
  if (paidMinor < worthMinor) add('no seat is given without its charge', what);
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

/** What our ledger says of each attempt is what the provider took for it, and no intent belongs to nobody. */
function compareBooks(attempts: AttemptLine[], intents: IntentLine[]): Violation[] {
  const byAttempt = groupBy(intents, ({ attemptId }) => attemptId);
  const known = new Set(attempts.map(({ attemptId }) => attemptId));
  const violations: Violation[] = [];
  const add = (invariant: Invariant, holdId: string, what: string) => violations.push({ invariant, holdId, what });
  for (const { attemptId, holdId, state, takenMinor, setAsideMinor, totalMinor } of attempts) {
    const own = byAttempt.get(attemptId) ?? [];
    const theirsMinor = own.reduce((sum, intent) => sum + intent.capturedMinor - intent.refundedMinor, 0);
    const attempt = `attempt ${attemptId}, ${state},`;
    if (takenMinor !== theirsMinor) {
      add(
        "our books and the provider's say the same",
        holdId,
        `${attempt} took ${takenMinor} here, ${theirsMinor} there`,
      );
    }
    if (setAsideMinor !== 0) add('no money is left set aside', holdId, `${attempt} ${setAsideMinor} in our ledger`);
    if (totalMinor !== 0) add('our ledger adds up to nothing', holdId, `${attempt} ${totalMinor} is left over`);
  }
  for (const { attemptId, intentId, holdId } of intents) {
    if (known.has(attemptId)) continue;
    add("our books and the provider's say the same", holdId, `${intentId} belongs to no attempt`);
  }
  return violations;
}

function groupBy<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
