import type { BeginPaymentReply } from '@holdfast/contracts';
import type { Attempt, AttemptFacts, Attempts } from './attempts';
import { HoldServiceSilent, type HoldCommands } from './hold-commands';
import { ProviderSilent, type Intent, type Provider } from './provider';

/**
 * A payment attempt's life; docs/payment-states.md draws all of it. Ends are in capitals.
 *
 *   started          begin-payment: may this hold be paid?      refused -> REFUSED,  unavailable -> abandoning
 *      | begun
 *   begun            create the intent, without money           rejected -> declining
 *      | created
 *   unconfirmed      confirm it: money is set aside             declined -> declining
 *      | authorised    (or requires-action: the payer first)    deadline-passed, cancelled -> abandoning
 *   authorised       book: the fence, the seats are given       refused -> voiding
 *      | booked
 *   booked           capture: the money is taken                capture-refused -> uncapturable
 *      | captured
 *   CAPTURED         declining -> DECLINED    abandoning, voiding -> VOIDED    uncapturable -> CAPTURE-FAILED
 *
 * Money and seat move at three of these arrows only: `authorised` sets money aside, `booked` gives the seat (the fence),
 * `captured` takes the money. Each is decided by whoever owns the thing: the provider, hold-service, the provider.
 *
 * Every state has at most two calls to the outside, made in this order, and no transaction is open meanwhile. **No answer
 * is never a refusal**: the attempt stays where it is and is taken up again later; whoever takes it up asks what became of
 * the call before it repeats it.
 */
export const CALLS = {
  started: ['begin-payment'],
  begun: ['find-intent', 'create-intent'],
  unconfirmed: ['read-intent', 'confirm-intent'],
  'requires-action': ['read-intent'],
  authorised: ['book'],
  booked: ['read-intent', 'capture-intent'],
  // The ways down. All of their calls may be made any number of times.
  declining: ['end-payment', 'cancel-intent'],
  abandoning: ['end-payment', 'cancel-intent'],
  voiding: ['cancel-intent'],
  uncapturable: ['cancel-intent', 'unbook'],
  // The ends.
  captured: [],
  declined: [],
  voided: [],
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
  ['unconfirmed', 'action-required', 'requires-action'],
  ['unconfirmed', 'declined', 'declining'],
  ['unconfirmed', 'cancelled', 'abandoning'],
  ['unconfirmed', 'new-key', 'unconfirmed'],
  ['unconfirmed', 'deadline-passed', 'abandoning'],

  ['requires-action', 'authorised', 'authorised'],
  ['requires-action', 'declined', 'declining'],
  ['requires-action', 'cancelled', 'abandoning'],
  ['requires-action', 'deadline-passed', 'abandoning'],

  ['authorised', 'booked', 'booked'],
  ['authorised', 'refused', 'voiding'],

  ['booked', 'captured', 'captured'],
  ['booked', 'capture-refused', 'uncapturable'],
  ['booked', 'new-key', 'booked'],

  ['declining', 'closed', 'declined'],
  ['abandoning', 'closed', 'voided'],
  ['voiding', 'closed', 'voided'],
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
type Step = { event: Event; facts?: AttemptFacts } | 'wait';

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
    const moved = await world.attempts.move(attempt, to, step.facts ?? {});
    if (!moved) return world.attempts.reread(attempt);
    world.onMoved(attempt.state, step.event, to);
    attempt = moved;
    await world.crashPoint(`${to}:committed`, attempt);
    ask = false;
  }
  return attempt;
}

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
    const { amountMinor, currency, version: fenceVersion } = reply;
    const seatIds = reply.seats.map((seat) => seat.seatId);
    const facts = { amountMinor, currency, seatIds, fenceVersion, deadline: new Date(reply.deadline) };
    return { event: 'begun', facts };
  },

  begun: async (attempt, world, ask) => {
    if (attempt.amountMinor === 0) return { event: 'nothing-to-pay' };
    if (attempt.deadlinePassed) return tooLate;
    const found = ask && (await call('find-intent', attempt, world, () => world.provider.findIntent(attempt)));
    if (found) return { event: 'created', facts: { intentId: found.id } };
    if (attempt.keySpent) return newKey(attempt);
    const answer = await call('create-intent', attempt, world, () => world.provider.createIntent(attempt));
    if ('refused' in answer) return { event: 'rejected', facts: { reason: answer.refused } };
    return { event: 'created', facts: { intentId: answer.intent.id } };
  },

  unconfirmed: async (attempt, world, ask) => {
    if (attempt.deadlinePassed) return tooLate;
    const seen = ask && readConfirmed(await readIntent(attempt, world));
    if (seen) return seen;
    if (attempt.keySpent) return newKey(attempt);
    const answer = await call('confirm-intent', attempt, world, () => world.provider.confirmIntent(attempt));
    if ('refused' in answer) return { event: 'declined', facts: { reason: answer.refused } };
    return readConfirmed(answer.intent) ?? 'wait';
  },

  'requires-action': async (attempt, world) => {
    if (attempt.deadlinePassed) return tooLate;
    const seen = readConfirmed(await readIntent(attempt, world));
    return !seen || seen === 'wait' || seen.event === 'action-required' ? 'wait' : seen;
  },

  authorised: async (attempt, world) => {
    const reply = await call('book', attempt, world, () => world.holds.book(attempt));
    return reply.outcome === 'booked' ? { event: 'booked' } : { event: 'refused', facts: { reason: reply.reason } };
  },

  booked: async (attempt, world, ask) => {
    if (attempt.amountMinor === 0) return { event: 'captured' };
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
    return close(attempt, world);
  },
  voiding: (attempt, world) => close(attempt, world),

  // The seat is given back only when the money can no longer be taken.
  uncapturable: async (attempt, world) => {
    const intent = await cancelIntent(attempt, world);
    if (intent?.status === 'succeeded') return { event: 'captured', facts: { reason: null } };
    await call('unbook', attempt, world, () => world.holds.unbook(attempt, 'capture-refused'));
    return { event: 'closed' };
  },

  captured: ended,
  declined: ended,
  voided: ended,
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

/** What an intent's status says about the confirmation; undefined when there has been none. */
function readConfirmed(intent: Intent): Step | undefined {
  switch (intent.status) {
    case 'requires_confirmation':
      return undefined;
    case 'requires_payment_method':
      // Stripe forgets the method of a declined intent; one that was never tried has no error either.
      return intent.declined ? { event: 'declined', facts: { reason: intent.declined } } : undefined;
    case 'requires_action':
      return { event: 'action-required' };
    case 'requires_capture':
      return { event: 'authorised' };
    case 'canceled':
      return { event: 'cancelled', facts: { reason: 'cancelled-at-provider' } };
    case 'processing':
      return 'wait';
    case 'succeeded':
      throw new Error(`Intent ${intent.id} was captured by somebody else`);
  }
}

/** What an intent's status says about the capture; undefined when it has had no effect. */
function readCaptured(intent: Intent): Step | undefined {
  if (intent.status === 'succeeded') return { event: 'captured' };
  if (intent.status === 'canceled') return { event: 'capture-refused', facts: { reason: 'cancelled-at-provider' } };
  return undefined;
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

async function close(attempt: Attempt, world: World): Promise<Step> {
  const intent = await cancelIntent(attempt, world);
  if (intent?.status === 'succeeded') throw new Error(`Intent ${intent.id} was captured without its seat`);
  return { event: 'closed' };
}

/** Makes sure that no money can be taken any more: undefined when there was never an intent. */
async function cancelIntent(attempt: Attempt, world: World): Promise<Intent | undefined> {
  if (!attempt.amountMinor) return undefined;
  return call('cancel-intent', attempt, world, () => world.provider.cancelIntent(attempt));
}

async function call<T>(name: Call, attempt: Attempt, world: World, work: () => Promise<T>): Promise<T> {
  await world.crashPoint(`${attempt.state}:${name}:before`, attempt);
  const result = await work();
  await world.crashPoint(`${attempt.state}:${name}:after`, attempt);
  return result;
}
