import Stripe from 'stripe';
import {
  advance,
  CRASH_POINTS,
  hasEnded,
  TRANSITIONS,
  type CrashPoint,
  type State,
  type World,
} from './attempt-lifecycle';
import type { Attempt } from './attempts';
import { Completer, unfinishedAttempts } from './completer';
import { HoldServiceSilent } from './hold-commands';
import { PaymentRig, type HeldSeats } from './payment-rig.spec';

/** The process died here. */
class Crash extends Error {}

/** An attempt that is taken up for this long without an end is stuck. */
const STUCK_MS = 10_000;

interface Scenario {
  method: string;
  ends: State;
  /** A crash may lose a more exact reason for a less exact one. */
  reason?: string | string[];
  free?: boolean;
  /** Somebody else asks to pay the hold. */
  stranger?: boolean;
  /** What happens elsewhere when a point is reached for the first time; it may throw a Crash. */
  at?: Partial<Record<CrashPoint, (rig: PaymentRig, held: HeldSeats, attempt: Attempt) => Promise<void>>>;
  /** Takes the place of a part of the world. */
  world?: (world: World) => Partial<World>;
}

const intentId = (rig: PaymentRig, { attemptId }: Attempt): string => {
  const own = [...rig.sandbox.books.intents.values()].find((intent) => intent.metadata.attemptId === attemptId);
  if (!own) throw new Error('no intent');
  return own.id;
};

const authenticate = (outcome: string) => async (rig: PaymentRig, _held: HeldSeats, attempt: Attempt) => {
  const url = `${rig.sandbox.url}/sandbox/payment_intents/${intentId(rig, attempt)}/authenticate`;
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams({ outcome }) });
  if (!response.ok) throw new Error(`3-D Secure: ${response.status}`);
};

const cancelAtProvider = async (rig: PaymentRig, _held: HeldSeats, attempt: Attempt) => {
  const { hostname, port } = new URL(rig.sandbox.url);
  const stripe = new Stripe('sk_test_sandbox', { protocol: 'http', host: hostname, port, telemetry: false });
  await stripe.paymentIntents.cancel(intentId(rig, attempt));
};

const runOut = (rig: PaymentRig, held: HeldSeats) => rig.runOut(held);

const takenOver = async (rig: PaymentRig, held: HeldSeats) => {
  await rig.runOut(held);
  await rig.takeOver(held);
};

const runOutAndDie = async (rig: PaymentRig, held: HeldSeats) => {
  await rig.runOut(held);
  throw new Crash();
};

/** Every reply of hold-service is lost once, after its effect. */
const losingReplies = ({ holds }: World): Partial<World> => {
  const lost = new Set<string>();
  const lose = async <T>(name: string, reply: Promise<T>): Promise<T> => {
    const answer = await reply;
    if (lost.has(name)) return answer;
    lost.add(name);
    throw new HoldServiceSilent('lost', false);
  };
  return {
    holds: {
      isReady: () => holds.isReady(),
      beginPayment: (attempt) => lose('begin', holds.beginPayment(attempt)),
      book: (attempt) => lose('book', holds.book(attempt)),
      endPayment: (attempt) => lose('end', holds.endPayment(attempt)),
      unbook: (attempt, reason) => lose('unbook', holds.unbook(attempt, reason)),
    },
  };
};

/** RabbitMQ goes away just when the first command is sent. */
const brokerAwayOnce = ({ holds }: World): Partial<World> => ({
  holds: {
    ...holds,
    beginPayment: () => Promise.reject(new HoldServiceSilent('away', true)),
  },
});

/** A capture that is done, and answered with a refusal. */
const lyingAboutCapture = ({ provider }: World): Partial<World> => {
  const lying = Object.create(provider) as World['provider'];
  lying.captureIntent = async (attempt) => {
    await provider.captureIntent(attempt);
    return { refused: 'lied' };
  };
  return { provider: lying };
};

const SCENARIOS: Record<string, Scenario> = {
  'a good card': { method: 'pm_card_visa', ends: 'captured' },
  'free seats': { method: 'pm_card_visa', free: true, ends: 'captured' },
  'a declined card': {
    method: 'pm_card_chargeDeclinedInsufficientFunds',
    ends: 'declined',
    reason: 'insufficient-funds',
  },
  'an unknown payment method': { method: 'pm_none', ends: 'declined', reason: 'unknown-payment-method' },
  '3-D Secure, done': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': authenticate('succeeded') },
    ends: 'captured',
  },
  '3-D Secure, failed': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': authenticate('failed') },
    ends: 'declined',
    reason: 'payment-intent-authentication-failure',
  },
  '3-D Secure, not done in time': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': runOut },
    ends: 'voided',
    reason: 'expired',
  },
  'confirm hangs without effect': { method: 'pm_sandbox_timeout_before', ends: 'captured' },
  'confirm hangs after its effect': { method: 'pm_sandbox_timeout_after', ends: 'captured' },
  'confirm fails without effect, for ever under its key': { method: 'pm_sandbox_500_before', ends: 'captured' },
  'confirm fails after its effect': { method: 'pm_sandbox_500_after', ends: 'captured' },
  'confirm answers after the client has given up': { method: 'pm_sandbox_slow_200', ends: 'captured' },
  'create hangs without effect': { method: 'pm_sandbox_timeout_before_create', ends: 'captured' },
  'create hangs after its effect': { method: 'pm_sandbox_timeout_after_create', ends: 'captured' },
  'create fails without effect': { method: 'pm_sandbox_500_before_create', ends: 'captured' },
  'create fails after its effect': { method: 'pm_sandbox_500_after_create', ends: 'captured' },
  'capture hangs without effect': { method: 'pm_sandbox_timeout_before_capture', ends: 'captured' },
  'capture hangs after its effect': { method: 'pm_sandbox_timeout_after_capture', ends: 'captured' },
  'capture fails without effect': { method: 'pm_sandbox_500_before_capture', ends: 'captured' },
  'capture fails after its effect': { method: 'pm_sandbox_500_after_capture', ends: 'captured' },
  'capture is refused for good': {
    method: 'pm_sandbox_capture_fails',
    ends: 'capture-failed',
    reason: ['charge-expired-for-capture', 'cancelled-at-provider'],
  },
  'the hold runs out before the fence': {
    method: 'pm_card_visa',
    at: { 'authorised:committed': runOut },
    ends: 'voided',
    reason: 'expired',
  },
  'the hold is taken over before the fence': {
    method: 'pm_card_visa',
    at: { 'authorised:committed': takenOver },
    ends: 'voided',
    reason: 'expired',
  },
  'the void hangs after its effect': {
    method: 'pm_sandbox_timeout_after_cancel',
    at: { 'authorised:committed': runOut },
    ends: 'voided',
    reason: 'expired',
  },
  'the void fails without effect': {
    method: 'pm_sandbox_500_before_cancel',
    at: { 'authorised:committed': takenOver },
    ends: 'voided',
    reason: 'expired',
  },
  'the hold runs out while the fence answers': {
    method: 'pm_card_visa',
    at: { 'authorised:book:after': runOut },
    ends: 'captured',
  },
  'the hold runs out before the intent': {
    method: 'pm_card_visa',
    at: { 'begun:committed': runOutAndDie },
    ends: 'voided',
    reason: 'expired',
  },
  'the hold runs out before the confirmation': {
    method: 'pm_card_visa',
    at: { 'unconfirmed:committed': runOutAndDie },
    ends: 'voided',
    reason: 'expired',
  },
  'the intent is cancelled at the provider before its confirmation': {
    method: 'pm_card_visa',
    at: { 'unconfirmed:committed': cancelAtProvider },
    ends: 'voided',
    reason: 'cancelled-at-provider',
  },
  'the intent is cancelled at the provider while the payer is waited for': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': cancelAtProvider },
    ends: 'voided',
    reason: 'cancelled-at-provider',
  },
  'the intent is cancelled at the provider after the fence': {
    method: 'pm_card_visa',
    at: { 'booked:committed': cancelAtProvider },
    ends: 'capture-failed',
    reason: 'cancelled-at-provider',
  },
  'replies are lost on the way to a ticket': { method: 'pm_card_visa', world: losingReplies, ends: 'captured' },
  'replies are lost on the way to a refusal': {
    method: 'pm_card_chargeDeclined',
    world: losingReplies,
    ends: 'declined',
    reason: 'generic-decline',
  },
  'replies are lost after a refused capture': {
    method: 'pm_sandbox_capture_fails',
    world: losingReplies,
    ends: 'capture-failed',
    reason: ['charge-expired-for-capture', 'cancelled-at-provider'],
  },
  'RabbitMQ goes away': { method: 'pm_card_visa', world: brokerAwayOnce, ends: 'voided', reason: 'unavailable' },
  'a capture is done and said to be refused': { method: 'pm_card_visa', world: lyingAboutCapture, ends: 'captured' },
  "a stranger's payment": { method: 'pm_card_visa', stranger: true, ends: 'refused', reason: 'unknown-hold' },
};

let rig: PaymentRig;
const reachedTransitions = new Set<string>();
const sums = { chargedWithoutSeat: 0, seatWithoutCharge: 0, combinations: 0 };

beforeAll(async () => {
  rig = await PaymentRig.open();
});

afterAll(() => rig.close());

let keys = 0;

/** Lives a scenario to its end, through at most one crash, as the process and its successors would. */
async function live(
  scenario: Scenario,
  crashAt?: CrashPoint,
): Promise<{ attempt: Attempt; held: HeldSeats; points: Set<CrashPoint> }> {
  const held = await rig.holdSeats({ free: scenario.free });
  const points = new Set<CrashPoint>();
  const happened = new Set<CrashPoint>();
  let crashed = false;
  let happening: Promise<void> | undefined;
  const plain = rig.world({
    onMoved: (...move) => void reachedTransitions.add(move.join(' ')),
    crashPoint: (point) => {
      points.add(point);
      if (scenario.at?.[point] && !happened.has(point)) {
        happened.add(point);
        // What happens elsewhere is awaited by whoever takes the attempt up: the process stops here until then.
        happening = scenario.at[point](rig, held, started).catch((error: unknown) => {
          if (!(error instanceof Crash)) throw error;
        });
        throw new Crash();
      }
      if (point === crashAt && !crashed) {
        crashed = true;
        throw new Crash();
      }
    },
  });
  const world = { ...plain, ...scenario.world?.(plain) };
  const begun = await world.attempts.start({
    ...held,
    buyerId: scenario.stranger ? 'stranger' : held.buyerId,
    paymentMethod: scenario.method,
    key: `key-${(keys += 1)}`,
    bodyHash: Buffer.from('body'),
  });
  if (begun.outcome !== 'started') throw new Error(begun.outcome);
  const started = begun.attempt;
  const onFault = (error: unknown) => {
    if (!(error instanceof Crash)) throw error;
  };
  const completer = new Completer([unfinishedAttempts(world)], { everyMs: 1, onFault });
  try {
    await world.crashPoint('started:committed', started);
    await advance(started, world, false);
  } catch (error) {
    onFault(error);
  }
  for (const giveUpAt = Date.now() + STUCK_MS; Date.now() < giveUpAt;) {
    await happening;
    const attempt = await world.attempts.reread(started);
    if (hasEnded(attempt.state)) return { attempt, held, points };
    await rig.makeDue();
    await completer.run();
  }
  throw new Error(`stuck in ${(await world.attempts.reread(started)).state}`);
}

async function judge(scenario: Scenario, held: HeldSeats, attempt: Attempt): Promise<void> {
  const books = await rig.booksOf(held, attempt);
  const due = scenario.free ? 0 : 9_000;
  sums.combinations += 1;
  if (books.chargedMinor > 0 && !books.booked) sums.chargedWithoutSeat += 1;
  if (books.booked && books.chargedMinor !== due) sums.seatWithoutCharge += 1;
  expect({ ...books, state: attempt.state }).toEqual({
    state: scenario.ends,
    booked: scenario.ends === 'captured',
    chargedMinor: scenario.ends === 'captured' ? due : 0,
    open: [],
  });
  expect([scenario.reason ?? null].flat()).toContain(attempt.reason);
}

const crashedPoints = new Set<CrashPoint>();

/** Every point at least once, and a fifth of all combinations with scenarios: all of them take minutes. */
const CRASH_EVERY = 5;

describe.each(Object.entries(SCENARIOS))('%s', (name, scenario) => {
  it(`ends ${scenario.ends}, also after a crash on the way`, async () => {
    const { attempt, held, points } = await live(scenario);
    await judge(scenario, held, attempt);
    const offset = Object.keys(SCENARIOS).indexOf(name);
    for (const [index, point] of [...points].entries()) {
      if (crashedPoints.has(point) && (index + offset) % CRASH_EVERY !== 0) continue;
      crashedPoints.add(point);
      const crashed = await live(scenario, point);
      await judge(scenario, crashed.held, crashed.attempt);
    }
  });
});

describe('all scenarios together', () => {
  it('take every transition', () => {
    const all = TRANSITIONS.map((transition) => transition.join(' '));
    expect(all.filter((transition) => !reachedTransitions.has(transition))).toEqual([]);
  });

  it('crash at every point', () => {
    expect(CRASH_POINTS.filter((point) => !crashedPoints.has(point))).toEqual([]);
  });

  it('charge nobody without a seat and give no seat without a charge', () => {
    expect(sums).toMatchObject({ chargedWithoutSeat: 0, seatWithoutCharge: 0 });
    expect(sums.combinations).toBeGreaterThan(100);
  });
});
