import { HoldServiceSilent } from './hold-commands';
import { ProviderSilent, type ProviderRefund } from './provider';
import type { Refund, RefundFacts, Refunds } from './refunds';
import type { World } from './attempt-lifecycle';

/**
 * A refund's life; docs/payment-states.md draws it below the attempt's. Ends are in capitals.
 *
 *   started     unbook: the seats are given back, once          refused -> REFUSED, no money has moved
 *      | unbooked
 *   unbooked    create the refund                               refused -> FAILED
 *      | pending     (or refunded at once)
 *   refunding   wait for the bank                               failed -> FAILED
 *      | refunded
 *   REFUNDED    bounced -> FAILED: the bank sent the money back later
 *
 * First the seats, then the money: what hold-service refuses has cost nothing, and once it has agreed the money follows,
 * however often that takes. An attempt that was charged and lost its seats leaves a refund that begins at `unbooked`; so
 * does one that asks again for what FAILED. A refund that FAILED or was REFUSED is a break: people have to find another
 * way, unless it is asked for again first.
 */
export const REFUND_CALLS = {
  started: ['unbook'],
  unbooked: ['find-refund', 'create-refund'],
  refunding: ['read-refund'],
  refunded: [],
  failed: [],
  refused: [],
} as const;

export type RefundState = keyof typeof REFUND_CALLS;
export type RefundCall = (typeof REFUND_CALLS)[RefundState][number];

/** From, event, to. What is not here cannot happen. */
export const REFUND_TRANSITIONS = [
  ['started', 'unbooked', 'unbooked'],
  ['started', 'refused', 'refused'],

  ['unbooked', 'nothing-to-refund', 'refunded'],
  ['unbooked', 'refunded', 'refunded'],
  ['unbooked', 'pending', 'refunding'],
  ['unbooked', 'failed', 'failed'],
  ['unbooked', 'new-key', 'unbooked'],

  ['refunding', 'refunded', 'refunded'],
  ['refunding', 'failed', 'failed'],

  // Found by reconciliation alone: nobody works on a refund that is done.
  ['refunded', 'bounced', 'failed'],
] as const satisfies readonly (readonly [RefundState, string, RefundState])[];

export type RefundEvent = (typeof REFUND_TRANSITIONS)[number][1];

/** Where an event leads, or undefined when it cannot happen in that state. */
function nextRefundState(from: RefundState, event: RefundEvent): RefundState | undefined {
  return REFUND_TRANSITIONS.find((row) => row[0] === from && row[1] === event)?.[2];
}

/** Whether nobody works on a refund any more. */
export function hasRefundEnded(state: RefundState): boolean {
  return REFUND_CALLS[state].length === 0;
}

/** A point at which the process may die: around every call, and after every move is committed. */
export type RefundCrashPoint =
  `refund:${RefundState}:${RefundCall}:${'before' | 'after'}` | `refund:${RefundState}:committed`;

export const REFUND_CRASH_POINTS: readonly RefundCrashPoint[] = (Object.keys(REFUND_CALLS) as RefundState[]).flatMap(
  (state) => [
    ...REFUND_CALLS[state].flatMap(
      (call) => [`refund:${state}:${call}:before`, `refund:${state}:${call}:after`] as const,
    ),
    `refund:${state}:committed` as const,
  ],
);

/** Everything a refund is advanced with. */
export interface RefundWorld extends Pick<World, 'holds' | 'provider'> {
  refunds: Refunds;
  /** Reached points are told here, and waited for. */
  crashPoint: (point: RefundCrashPoint, refund: Refund) => void | Promise<void>;
  onRefundMoved: (from: RefundState, event: RefundEvent, to: RefundState) => void;
}

type Step = { event: RefundEvent; facts?: RefundFacts } | 'wait';

/**
 * Drives a refund on until it has ended, waits for the bank, or somebody gives no answer. The only driver. Callers hold
 * the refund's lease; one that has lost it moves nothing.
 *
 * @returns the refund as it is now; not ended when it must be taken up again at `nextAt`
 */
export async function advanceRefund(taken: Refund, world: RefundWorld): Promise<Refund> {
  let refund = taken;
  while (!hasRefundEnded(refund.state)) {
    const step = await stepOrSilence(refund, world);
    if (step instanceof Error) {
      const keySpent = refund.keySpent || (step instanceof ProviderSilent && step.answered);
      return world.refunds.postpone(refund, { keySpent, waiting: false });
    }
    if (step === 'wait') return world.refunds.postpone(refund, { keySpent: refund.keySpent, waiting: true });
    const moved = await moveRefund(refund, step.event, world, step.facts);
    if (!moved) return world.refunds.reread(refund);
    refund = moved;
  }
  return refund;
}

/**
 * Makes one move of a refund.
 *
 * @returns undefined when somebody else has moved it meanwhile
 */
export async function moveRefund(
  refund: Refund,
  event: RefundEvent,
  world: RefundWorld,
  facts: RefundFacts = {},
): Promise<Refund | undefined> {
  const to = nextRefundState(refund.state, event);
  if (!to) throw new Error(`${event} cannot happen to a refund that is ${refund.state}`);
  const moved = await world.refunds.move(refund, to, facts);
  if (!moved) return undefined;
  world.onRefundMoved(refund.state, event, to);
  await world.crashPoint(`refund:${to}:committed`, moved);
  return moved;
}

async function stepOrSilence(refund: Refund, world: RefundWorld): Promise<Step | ProviderSilent | HoldServiceSilent> {
  try {
    return await STEPS[refund.state](refund, world);
  } catch (error) {
    if (error instanceof ProviderSilent || error instanceof HoldServiceSilent) return error;
    throw error;
  }
}

/** The provider knows a key for 24 h at least; an hour less, for the two clocks and a call under way. */
const KEY_KNOWN_MS = 23 * 60 * 60_000;

const STEPS: Record<RefundState, (refund: Refund, world: RefundWorld) => Promise<Step>> = {
  started: async (refund, world) => {
    const reply = await call('unbook', refund, world, () => world.holds.unbookSeats(refund));
    return reply.outcome === 'unbooked'
      ? { event: 'unbooked' }
      : { event: 'refused', facts: { failure: reply.reason } };
  },

  // The same key gives the refund of an earlier call. A key that is spent gives only its fault, one that is old may be
  // forgotten and give a second refund: then it is looked for.
  unbooked: async (refund, world) => {
    if (refund.amountMinor === 0) return { event: 'nothing-to-refund' };
    const isOld = refund.serverTime.getTime() - refund.createdAt.getTime() > KEY_KNOWN_MS;
    if (refund.keySpent || isOld) {
      const found = await call('find-refund', refund, world, () => world.provider.findRefund(refund));
      if (found) return read(found);
    }
    if (refund.keySpent) {
      return { event: 'new-key', facts: { keyGeneration: refund.keyGeneration + 1, keySpent: false } };
    }
    const answer = await call('create-refund', refund, world, () => world.provider.createRefund(refund));
    return 'refused' in answer ? { event: 'failed', facts: { failure: answer.refused } } : read(answer);
  },

  refunding: async (refund, world) => {
    const now = read(await call('read-refund', refund, world, () => world.provider.readRefund(refund)));
    return now !== 'wait' && now.event === 'pending' ? 'wait' : now;
  },

  refunded: ended,
  failed: ended,
  refused: ended,
};

function ended(refund: Refund): never {
  throw new Error(`Refund ${refund.refundId} has ended`);
}

/** What the provider says of a refund. */
function read({ id: providerRefundId, status, failure }: ProviderRefund): Step {
  switch (status) {
    case 'succeeded':
      return { event: 'refunded', facts: { providerRefundId } };
    case 'failed':
    case 'canceled':
      return { event: 'failed', facts: { providerRefundId, failure: failure ?? status } };
    default:
      return { event: 'pending', facts: { providerRefundId } };
  }
}

async function call<T>(name: RefundCall, refund: Refund, world: RefundWorld, work: () => Promise<T>): Promise<T> {
  await world.crashPoint(`refund:${refund.state}:${name}:before`, refund);
  const result = await work();
  await world.crashPoint(`refund:${refund.state}:${name}:after`, refund);
  return result;
}
