import type { BeginPaymentReply } from '@holdfast/contracts';
import { v7 as newId } from 'uuid';
import type { Attempt, AttemptFacts, Attempts } from './attempts';
import { HoldServiceSilent, type HoldCommands } from './hold-commands';
import { readCaptured, readConfirmed } from './intent-reading';
import { ProviderSilent, type Intent, type Provider, type ProviderRefusal } from './provider';

/**
 * A payment attempt's life; docs/payment-states.md draws all of it. Ends are in capitals.
 *
 *   started          begin-payment: may this hold be paid?      refused -> REFUSED,  unavailable -> abandoning
 *      | begun
 *   begun            create the intent, without money           rejected -> declining
 *      | created
 *   unconfirmed      confirm it: money is set aside             declined -> declining
 *      | authorised    (or requires-action: the payer first)    deadline-passed, cancelled -> abandoning
 *      |               (or charged: some methods take it)
 *   authorised       book: the fence, the seats are given       refused -> voiding
 *      | booked        (or late: the same seats, if free)
 *   booked           capture: the money is taken                capture-refused -> uncapturable
 *      | captured
 *   CAPTURED         declining -> DECLINED    abandoning, voiding -> VOIDED    uncapturable -> CAPTURE-FAILED
 *                    any way down on which the money turns out to be taken -> RETURNED, a refund of all of it is begun
 *
 * Money and seat move at three of these arrows only: `authorised` sets money aside, `booked` gives the seat (the fence),
 * `captured` takes the money. Each is decided by whoever owns the thing: the provider, hold-service, the provider.
 *
 * Every state has at most four calls to the outside, made in this order, and no transaction is open meanwhile. **No answer
 * is never a refusal**: the attempt stays where it is and is taken up again later; whoever takes it up asks what became of
 * the call before it repeats it.
 */
export const CALLS = {
  started: ['begin-payment'],
  begun: ['find-intent', 'create-intent'],
  unconfirmed: ['read-intent', 'confirm-intent'],
  'requires-action': ['read-intent'],
  authorised: ['book'],
  charged: ['book'],
  late: ['late-book'],
  booked: ['read-intent', 'capture-intent'],
  // The ways down. All of their calls may be made any number of times.
  declining: ['end-payment', 'cancel-intent'],
  abandoning: ['end-payment', 'find-intent', 'create-intent', 'cancel-intent'],
  voiding: ['cancel-intent'],
  uncapturable: ['cancel-intent', 'unbook'],
  // The ends.
  captured: [],
  declined: [],
  voided: [],
  returned: [],
  'capture-failed': [],
  refused: [],
} as const;

export type State = keyof typeof CALLS;
export type Call = (typeof CALLS)[State][number];

/** From, event, to. What is not here cannot happen. */
export const TRANSITIONS = [
  ['started', 'begun', 'begun'],
  ['started', 'refused', 'refused'],
  // RabbitMQ is away, and the buyer has been told so: nothing may go on by itself later.
  ['started', 'unavailable', 'abandoning'],

  ['begun', 'created', 'unconfirmed'],
  ['begun', 'nothing-to-pay', 'authorised'],
  ['begun', 'rejected', 'declining'],
  ['begun', 'new-key', 'begun'],
  ['begun', 'deadline-passed', 'abandoning'],

  ['unconfirmed', 'authorised', 'authorised'],
  // Not every method can set money aside: this one has been charged already.
  ['unconfirmed', 'charged', 'charged'],
  ['unconfirmed', 'action-required', 'requires-action'],
  ['unconfirmed', 'declined', 'declining'],
  ['unconfirmed', 'cancelled', 'abandoning'],
  // The intent is not of the hold's price any more: no seat is given for it.
  ['unconfirmed', 'amount-differs', 'abandoning'],
  ['unconfirmed', 'new-key', 'unconfirmed'],
  ['unconfirmed', 'deadline-passed', 'abandoning'],

  ['requires-action', 'authorised', 'authorised'],
  ['requires-action', 'charged', 'charged'],
  ['requires-action', 'declined', 'declining'],
  ['requires-action', 'cancelled', 'abandoning'],
  ['requires-action', 'amount-differs', 'abandoning'],
  ['requires-action', 'deadline-passed', 'abandoning'],

  ['authorised', 'booked', 'booked'],
  ['authorised', 'late', 'late'],
  ['authorised', 'refused', 'voiding'],

  ['charged', 'booked', 'captured'],
  ['charged', 'late', 'late'],
  ['charged', 'refused', 'voiding'],

  // The hold ran out, and the event gives its seats to a late payer while they are free.
  ['late', 'booked', 'booked'],
  ['late', 'refused', 'voiding'],

  ['booked', 'captured', 'captured'],
  ['booked', 'capture-refused', 'uncapturable'],
  ['booked', 'new-key', 'booked'],

  ['declining', 'closed', 'declined'],
  ['declining', 'charged', 'returned'],
  // An intent whose id was never stored: without it nobody could cancel it.
  ['abandoning', 'created', 'abandoning'],
  ['abandoning', 'closed', 'voided'],
  ['abandoning', 'charged', 'returned'],
  ['voiding', 'closed', 'voided'],
  ['voiding', 'charged', 'returned'],
  ['uncapturable', 'closed', 'capture-failed'],
  // The capture had gone through after all: the seat is still the buyer's.
  ['uncapturable', 'captured', 'captured'],
] as const satisfies readonly (readonly [State, string, State])[];

export type Event = (typeof TRANSITIONS)[number][1];

/** Where an event leads, or undefined when it cannot happen in that state. */
export function nextState(from: State, event: Event): State | undefined {
  return TRANSITIONS.find((row) => row[0] === from && row[1] === event)?.[2];
}

/** Whether nothing can happen to an attempt any more. */
export function hasEnded(state: State): boolean {
  return CALLS[state].length === 0;
}

/** A point at which the process may die: around every call, and after every move is committed. */
export type CrashPoint = `${State}:${Call}:${'before' | 'after'}` | `${State}:committed`;

export const CRASH_POINTS: readonly CrashPoint[] = (Object.keys(CALLS) as State[]).flatMap((state) => [
  ...CALLS[state].flatMap((call) => [`${state}:${call}:before`, `${state}:${call}:after`] as const),
  `${state}:committed` as const,
]);

/** Everything an attempt is advanced with. */
export interface World {
  attempts: Attempts;
  holds: HoldCommands;
  provider: Provider;
  /**
   * Reached points are told here, with the attempt that has come to them, and waited for: a test or drill makes it throw,
   * kill the process, or lets something happen elsewhere just then.
   */
  crashPoint: (point: CrashPoint, attempt: Attempt) => void | Promise<void>;
  /** Told of every move that is committed. */
  onMoved: (from: State, event: Event, to: State) => void;
}

/** What a state's calls came to: an event and what was learnt with it, or that there is only to wait. */
export type Step = { event: Event; facts?: AttemptFacts } | 'wait';

/**
 * Drives an attempt on until it has ended, waits for the payer, or somebody gives no answer. The only driver: called by
 * the request, by the completer, by whoever learns that something may have changed. Callers hold the attempt's lease; one
 * that has lost it moves nothing, for every move names the version it read.
 *
 * @param askFirst whether a call of this state may have been made before: true for every attempt that is taken up
 * @returns the attempt as it is now; not ended when it must be taken up again at `nextAt`
 */
export async function advance(taken: Attempt, world: World, askFirst: boolean): Promise<Attempt> {
  let attempt = taken;
  let ask = askFirst;
  while (!hasEnded(attempt.state)) {
    const step = await stepOrSilence(attempt, world, ask);
    if (step instanceof Error) {
      const keySpent = attempt.keySpent || (step instanceof ProviderSilent && step.answered);
      return world.attempts.postpone(attempt, { keySpent, waiting: false });
    }
    if (step === 'wait') return world.attempts.postpone(attempt, { keySpent: attempt.keySpent, waiting: true });
    const to = nextState(attempt.state, step.event);
    if (!to) throw new Error(`${step.event} cannot happen to a payment attempt that is ${attempt.state}`);
    const moved = await world.attempts.move(attempt, to, { ...moneyAt(to, attempt), ...step.facts });
    if (!moved) return world.attempts.reread(attempt);
    world.onMoved(attempt.state, step.event, to);
    attempt = moved;
    await world.crashPoint(`${to}:committed`, attempt);
    ask = false;
  }
  return attempt;
}

/** What a state says of the money; `move` posts the difference. */
function moneyAt(state: State, { amountMinor, authorisedMinor }: Attempt): AttemptFacts {
  const whole = amountMinor ?? 0;
  if (state === 'authorised') return { authorisedMinor: whole };
  if (TAKEN.has(state)) return { authorisedMinor: whole, capturedMinor: whole };
  return NOT_TAKEN.has(state) ? { releasedMinor: authorisedMinor } : {};
}

const TAKEN: ReadonlySet<State> = new Set(['charged', 'captured', 'returned']);
const NOT_TAKEN: ReadonlySet<State> = new Set(['declined', 'voided', 'capture-failed']);

async function stepOrSilence(
  attempt: Attempt,
  world: World,
  ask: boolean,
): Promise<Step | ProviderSilent | HoldServiceSilent> {
  try {
    return await STEPS[attempt.state](attempt, world, ask);
  } catch (error) {
    if (error instanceof ProviderSilent || error instanceof HoldServiceSilent) return error;
    throw error;
  }
}

type RunStep = (attempt: Attempt, world: World, ask: boolean) => Promise<Step>;

const STEPS: Record<State, RunStep> = {
  started: async (attempt, world) => {
    const reply = await call('begin-payment', attempt, world, () => beginPayment(attempt, world));
    if (reply === 'unavailable') return { event: 'unavailable', facts: { reason: 'unavailable' } };
    if (reply.outcome === 'refused') {
      const deadline = reply.deadline ? new Date(reply.deadline) : null;
      return { event: 'refused', facts: { reason: reply.reason, deadline } };
    }
    const { amountMinor, currency, version: fenceVersion, latePayment } = reply;
    const seatIds = reply.seats.map((seat) => seat.seatId);
    const seatPricesMinor = reply.seats.map((seat) => seat.priceMinor);
    const learnt = { amountMinor, currency, fenceVersion, latePayment, seatIds, seatPricesMinor };
    return { event: 'begun', facts: { ...learnt, deadline: new Date(reply.deadline) } };
  },

  begun: async (attempt, world) => {
    if (attempt.amountMinor === 0) return { event: 'nothing-to-pay' };
    if (attempt.deadlinePassed) return tooLate;
    const made = await makeIntent(attempt, world);
    if (!made) return newKey(attempt);
    return 'refused' in made
      ? { event: 'rejected', facts: { reason: made.refused } }
      : { event: 'created', facts: { intentId: made.id } };
  },

  unconfirmed: async (attempt, world, ask) => {
    const seen = ask && readConfirmed(await readIntent(attempt, world), attempt);
    if (seen && seen !== 'wait') return seen;
    if (attempt.deadlinePassed) return tooLate;
    if (seen) return seen;
    if (attempt.keySpent) return newKey(attempt);
    const answer = await call('confirm-intent', attempt, world, () => world.provider.confirmIntent(attempt));
    if ('refused' in answer) return { event: 'declined', facts: { reason: answer.refused } };
    return readConfirmed(answer.intent, attempt) ?? 'wait';
  },

  // A payer who was in time there and is seen too late here has set the money aside: the fence decides.
  'requires-action': async (attempt, world) => {
    const seen = readConfirmed(await readIntent(attempt, world), attempt);
    if (seen && seen !== 'wait' && seen.event !== 'action-required') return seen;
    return attempt.deadlinePassed ? tooLate : 'wait';
  },

  authorised: (attempt, world) => fence(attempt, world),
  charged: (attempt, world) => fence(attempt, world),

  late: async (attempt, world) => {
    const reply = await call('late-book', attempt, world, () => world.holds.lateBook(attempt));
    return reply.outcome === 'booked'
      ? { event: 'booked', facts: { lateHoldId: reply.holdId } }
      : { event: 'refused', facts: { reason: reply.reason } };
  },

  booked: async (attempt, world, ask) => {
    if (attempt.capturedMinor === attempt.amountMinor) return { event: 'captured' };
    const seen = ask && readCaptured(await readIntent(attempt, world));
    if (seen) return seen;
    if (attempt.keySpent) return newKey(attempt);
    const answer = await call('capture-intent', attempt, world, () => world.provider.captureIntent(attempt));
    if ('refused' in answer) return { event: 'capture-refused', facts: { reason: answer.refused } };
    return readCaptured(answer.intent) ?? 'wait';
  },

  // First the durable refusal, so that the buyer may try another card at once and no late book command can win.
  declining: async (attempt, world) => {
    await endPayment(attempt, world);
    return close(attempt, world);
  },
  abandoning: async (attempt, world) => {
    await endPayment(attempt, world);
    if (attempt.amountMinor && !attempt.intentId) {
      const made = await makeIntent(attempt, world);
      if (made && 'id' in made) return { event: 'created', facts: { intentId: made.id } };
    }
    return close(attempt, world);
  },
  voiding: (attempt, world) => close(attempt, world),

  // The seat is given back only when the money can no longer be taken.
  uncapturable: async (attempt, world) => {
    const closed = await close(attempt, world);
    if (closed === 'wait') return closed;
    if (closed.event === 'charged') return { event: 'captured', facts: { reason: null } };
    await call('unbook', attempt, world, () => world.holds.unbook(attempt, 'capture-refused'));
    return closed;
  },

  captured: ended,
  declined: ended,
  voided: ended,
  returned: ended,
  'capture-failed': ended,
  refused: ended,
};

function ended(attempt: Attempt): never {
  throw new Error(`Payment attempt ${attempt.attemptId} has ended`);
}

const tooLate: Step = { event: 'deadline-passed', facts: { reason: 'expired' } };

/** The last answer was a fault that the provider may repeat for ever, and a query has shown no effect of it. */
function newKey(attempt: Attempt): Step {
  return { event: 'new-key', facts: { keyGeneration: attempt.keyGeneration + 1, keySpent: false } };
}

/**
 * The attempt's intent, made unless it is there already. The same key gives the one of an earlier call, also of a call that
 * is still under way when its time-out is over. A key that is spent gives only its fault: then it is looked for.
 *
 * An attempt that is given up does not ask for ever: an intent that comes to be later is never confirmed, and takes no money.
 *
 * @returns undefined when there is no intent, as far as can be told
 */
async function makeIntent(attempt: Attempt, world: World): Promise<{ id: string } | ProviderRefusal | undefined> {
  const hasAskedEnough = attempt.state === 'abandoning' && attempt.tries >= GIVEN_UP_TRIES_MAX;
  if (attempt.keySpent || hasAskedEnough)
    return call('find-intent', attempt, world, () => world.provider.findIntent(attempt));
  const answer = await call('create-intent', attempt, world, () => world.provider.createIntent(attempt));
  return 'refused' in answer ? answer : answer.intent;
}

/** How often an attempt that is given up asks for its intent by the same key, before it only looks for one. */
const GIVEN_UP_TRIES_MAX = 3;

/** Refusals of the fence that mean: the hold ran out, and its seats may be free. */
const RAN_OUT = ['expired', 'taken-over'];

async function fence(attempt: Attempt, world: World): Promise<Step> {
  const reply = await call('book', attempt, world, () => world.holds.book(attempt));
  if (reply.outcome === 'booked') return { event: 'booked' };
  if (attempt.latePayment === 'same-seats-if-free' && RAN_OUT.includes(reply.reason)) {
    return { event: 'late', facts: { lateHoldId: newId() } };
  }
  return { event: 'refused', facts: { reason: reply.reason } };
}

/** Where the command cannot be sent at all, the attempt is given up before the provider hears of it. */
async function beginPayment(attempt: Attempt, world: World): Promise<BeginPaymentReply | 'unavailable'> {
  try {
    return await world.holds.beginPayment(attempt);
  } catch (error) {
    if (error instanceof HoldServiceSilent && error.brokerAway) return 'unavailable';
    throw error;
  }
}

async function readIntent(attempt: Attempt, world: World): Promise<Intent> {
  return call('read-intent', attempt, world, () => world.provider.readIntent(attempt));
}

async function endPayment(attempt: Attempt, world: World): Promise<void> {
  const reply = await call('end-payment', attempt, world, () => world.holds.endPayment(attempt));
  if (reply.outcome === 'booked') throw new Error(`Attempt ${attempt.attemptId} is booked but was given up`);
}

/** Makes sure that no money can be taken any more, or finds that it has been. */
async function close(attempt: Attempt, world: World): Promise<Step> {
  if (!attempt.intentId) return { event: 'closed' };
  const intent = await call('cancel-intent', attempt, world, () => world.provider.cancelIntent(attempt));
  if (intent.status === 'succeeded') return { event: 'charged' };
  return intent.status === 'canceled' ? { event: 'closed' } : 'wait';
}

async function call<T>(name: Call, attempt: Attempt, world: World, work: () => Promise<T>): Promise<T> {
  await world.crashPoint(`${attempt.state}:${name}:before`, attempt);
  const result = await work();
  await world.crashPoint(`${attempt.state}:${name}:after`, attempt);
  return result;
}
