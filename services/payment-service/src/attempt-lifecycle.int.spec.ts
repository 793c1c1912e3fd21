import { Logger } from '@nestjs/common';
import { advance, CRASH_POINTS, hasEnded, TRANSITIONS, type CrashPoint } from './attempt-lifecycle';
import { Crash, SCENARIOS, type Scenario } from './attempt-scenarios.spec';
import type { Attempt } from './attempts';
import { Completer, unfinishedAttempts, unfinishedRefunds } from './completer';
import { moneyBalances, unbalancedEvents } from './money';
import { PaymentRig, type HeldSeats } from './payment-rig.spec';
import type { RefundCrashPoint } from './refund-lifecycle';

/** An attempt that is taken up for this long without an end is stuck. */
const STUCK_MS = 10_000;

let rig: PaymentRig;
const reachedTransitions = new Set<string>();
const sums = { chargedWithoutSeat: 0, seatWithoutCharge: 0, combinations: 0 };

beforeAll(async () => {
  rig = await PaymentRig.open();
});

afterAll(() => rig.close());

const isOfAttempt = (point: CrashPoint | RefundCrashPoint): point is CrashPoint => !point.startsWith('refund:');

let keys = 0;

/** Lives a scenario to its end, through at most one crash, as the process and its successors would. */
async function live(
  scenario: Scenario,
  crashAt?: CrashPoint,
): Promise<{ attempt: Attempt; held: HeldSeats; points: Set<CrashPoint> }> {
  const held = await rig.holdSeats({ on: scenario.on });
  const points = new Set<CrashPoint>();
  const happened = new Set<CrashPoint>();
  let crashed = false;
  let happening: Promise<void> | undefined;
  const plain = rig.world({
    onMoved: (...move) => void reachedTransitions.add(move.join(' ')),
    crashPoint: (point: CrashPoint | RefundCrashPoint) => {
      if (!isOfAttempt(point)) return;
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
  const completer = new Completer([unfinishedAttempts(world), unfinishedRefunds(world)], {
    everyMs: 1,
    onFault,
    logger: new Logger(),
  });
  try {
    await world.crashPoint('started:committed', started);
    await advance(started, world, false);
  } catch (error) {
    onFault(error);
  }
  for (const giveUpAt = Date.now() + STUCK_MS; Date.now() < giveUpAt;) {
    await happening;
    const attempt = await world.attempts.reread(started);
    const refunds = await world.refunds.of(attempt);
    if (hasEnded(attempt.state) && refunds.every(({ state }) => state === 'refunded')) return { attempt, held, points };
    await rig.makeDue();
    await completer.run();
  }
  throw new Error(`stuck in ${(await world.attempts.reread(started)).state}`);
}

async function judge(scenario: Scenario, held: HeldSeats, attempt: Attempt): Promise<void> {
  const books = await rig.booksOf(held, attempt);
  const due = scenario.on === 'free' ? 0 : 9_000;
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

  it('leave a ledger that adds up, with nothing set aside', async () => {
    expect(await unbalancedEvents(rig.database)).toEqual([]);
    const balances = await moneyBalances(rig.database);
    expect(balances.filter(({ account, amountMinor }) => account === 'authorised' && amountMinor !== 0)).toEqual([]);
    const captured = balances.filter(({ account }) => account === 'captured');
    const charges = [...rig.sandbox.books.charges.values()];
    expect(captured.reduce((sum, { amountMinor }) => sum + amountMinor, 0)).toBe(
      charges.reduce((sum, charge) => sum + charge.amount_captured - charge.amount_refunded, 0),
    );
  });

  it('charge nobody without a seat and give no seat without a charge', () => {
    expect(sums).toMatchObject({ chargedWithoutSeat: 0, seatWithoutCharge: 0 });
    expect(sums.combinations).toBeGreaterThan(100);
  });
});
