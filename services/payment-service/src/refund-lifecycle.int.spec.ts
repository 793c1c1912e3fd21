import { Logger } from '@nestjs/common';
import { hasEnded } from './attempt-lifecycle';
import { listBreaks, resolveBreak } from './breaks';
import { Completer, unfinishedRefunds } from './completer';
import { unbalancedEvents } from './money';
import { PaymentRig, type HeldSeats, type RigWorld } from './payment-rig.spec';
import {
  advanceRefund,
  hasRefundEnded,
  moveRefund,
  REFUND_CRASH_POINTS,
  REFUND_TRANSITIONS,
  type RefundCrashPoint,
  type RefundState,
} from './refund-lifecycle';
import { FAILED_MAX, type Refund, type RefundStart } from './refunds';

/** The process died here. */
class Crash extends Error {}

const STUCK_MS = 10_000;

let rig: PaymentRig;
let keys = 0;
const reached = new Set<string>();
const crashed = new Set<RefundCrashPoint>();

beforeAll(async () => {
  rig = await PaymentRig.open();
});

afterAll(() => rig.close());

const ask = (held: HeldSeats, attemptId: string, seatIds?: string[]): Promise<RefundStart> =>
  rig.world().refunds.start({
    attemptId,
    buyerId: held.buyerId,
    askedBy: held.buyerId,
    key: `key-${(keys += 1)}`,
    bodyHash: Buffer.from('body'),
    seatIds,
  });

async function paid(method: string, on?: 'free'): Promise<{ held: HeldSeats; attemptId: string }> {
  const held = await rig.holdSeats({ on });
  const attempt = await rig.pay(held, method);
  if (attempt.state !== 'captured' || !hasEnded(attempt.state)) throw new Error(`is ${attempt.state}`);
  return { held, attemptId: attempt.attemptId };
}

/** Drives a refund to its end, through at most one crash, as the process and its successors would. */
async function live(started: Refund, changes: Partial<RigWorld>, crashAt?: RefundCrashPoint): Promise<Refund> {
  let hasCrashed = false;
  const world: RigWorld = {
    ...rig.world({ onRefundMoved: (...move) => void reached.add(move.join(' ')) }),
    ...changes,
    crashPoint: (point) => {
      if (point !== crashAt || hasCrashed) return;
      hasCrashed = true;
      crashed.add(crashAt);
      throw new Crash();
    },
  };
  const onFault = (error: unknown) => {
    if (!(error instanceof Crash)) throw error;
  };
  const completer = new Completer([unfinishedRefunds(world)], { everyMs: 1, onFault, logger: new Logger() });
  try {
    await world.crashPoint('refund:started:committed', started);
    await advanceRefund(started, world);
  } catch (error) {
    onFault(error);
  }
  for (const giveUpAt = Date.now() + STUCK_MS; Date.now() < giveUpAt;) {
    const refund = await world.refunds.reread(started);
    if (hasRefundEnded(refund.state)) return refund;
    await rig.makeDue();
    await completer.run();
  }
  throw new Error(`stuck in ${(await world.refunds.reread(started)).state}`);
}

async function seatStates({ eventId, seatIds }: HeldSeats): Promise<string[]> {
  const rows = await rig.database.query<{ state: string }>(
    'SELECT state FROM inventory.seats WHERE event_id = $1 AND seat_id = ANY ($2) ORDER BY seat_id',
    [eventId, seatIds],
  );
  return rows.map(({ state }) => state);
}

const SCENARIOS: Record<string, { method: string; ends: RefundState; on?: 'free'; failure?: string }> = {
  'a refund': { method: 'pm_card_visa', ends: 'refunded' },
  'free seats': { method: 'pm_card_visa', on: 'free', ends: 'refunded' },
  'the bank takes its time': { method: 'pm_card_pendingRefund', ends: 'refunded' },
  'the bank takes its time and then cannot': { method: 'pm_sandbox_refund_pending_fails', ends: 'failed' },
  'the provider refuses': { method: 'pm_sandbox_refund_refused', ends: 'failed', failure: 'charge-disputed' },
  'the provider hangs without effect': { method: 'pm_sandbox_timeout_before_refund', ends: 'refunded' },
  'the provider hangs after its effect': { method: 'pm_sandbox_timeout_after_refund', ends: 'refunded' },
  'the provider fails without effect, for ever under its key': {
    method: 'pm_sandbox_500_before_refund',
    ends: 'refunded',
  },
  'the provider fails after its effect': { method: 'pm_sandbox_500_after_refund', ends: 'refunded' },
};

/** Every third combination; each point is crashed at in several of them. */
const CRASH_EVERY = 3;

describe.each(Object.entries(SCENARIOS))('%s', (name, { method, ends, on, failure }) => {
  const offset = Object.keys(SCENARIOS).indexOf(name);
  // Calls that only this way comes to are crashed at each time.
  const rare = name.includes('fails without effect') || name.includes('takes its time');
  const sample = REFUND_CRASH_POINTS.filter((_, index) => rare || (index + offset) % CRASH_EVERY === 0);
  it.each([undefined, ...sample])(`ends ${ends}; crash: %s`, async (crashAt) => {
    const { held, attemptId } = await paid(method, on);
    const [seat = ''] = held.seatIds;
    const started = await ask(held, attemptId, [seat]);
    if (started.outcome !== 'started') throw new Error(started.outcome);
    const refund = await live(started.refund, {}, crashAt);
    expect(refund).toMatchObject({ state: ends, ...(failure && { failure }) });
    expect(await seatStates(held)).toEqual(['available', 'booked']);
    const { chargedMinor } = await rig.booksOf(held, { attemptId });
    const priceMinor = on === 'free' ? 0 : 4_500;
    expect(chargedMinor).toBe(ends === 'refunded' ? priceMinor : 2 * priceMinor);
    const [attempt] = await rig.database.query(
      'SELECT refunded_minor::int AS refunded FROM payments.attempts WHERE attempt_id = $1',
      [attemptId],
    );
    expect(attempt).toEqual({ refunded: ends === 'refunded' ? priceMinor : 0 });
  });
});

describe('a refund whose seats are not the payment’s any more', () => {
  it('is refused, gives no money back, and is a break', async () => {
    const { held, attemptId } = await paid('pm_card_visa');
    const started = await ask(held, attemptId);
    if (started.outcome !== 'started') throw new Error(started.outcome);
    const { holds } = rig.world();
    await holds.unbook(await rig.world().attempts.reread({ eventId: held.eventId, attemptId }), 'by hand');
    const refund = await live(started.refund, {});
    expect(refund).toMatchObject({ state: 'refused' });
    expect((await rig.booksOf(held, { attemptId })).chargedMinor).toBe(9_000);
    const breaks = await listBreaks(rig.database, { all: false, limit: 1_000 });
    expect(breaks.find(({ refundId }) => refundId === refund.refundId)).toMatchObject({ kind: 'unbook-refused' });
  });
});

describe('a refund that bounces after it was done', () => {
  it('is failed, and its money is with the seller again', async () => {
    const { held, attemptId } = await paid('pm_card_visa');
    const started = await ask(held, attemptId);
    if (started.outcome !== 'started') throw new Error(started.outcome);
    const done = await live(started.refund, {});
    const world = rig.world({ onRefundMoved: (...move) => void reached.add(move.join(' ')) });
    const bounced = await moveRefund(done, 'bounced', world, { failure: 'expired-or-canceled-card' });
    expect(bounced).toMatchObject({ state: 'failed' });
    const [attempt] = await rig.database.query(
      'SELECT refunded_minor::int AS refunded FROM payments.attempts WHERE attempt_id = $1',
      [attemptId],
    );
    expect(attempt).toEqual({ refunded: 0 });
  });
});

describe('a refund that the provider made without an answer, more than a day ago', () => {
  it('is not made again, though the provider has forgotten its key', async () => {
    const { held, attemptId } = await paid('pm_card_visa');
    const started = await ask(held, attemptId, held.seatIds.slice(0, 1));
    if (started.outcome !== 'started') throw new Error(started.outcome);
    const crashPoint: RigWorld['crashPoint'] = (point: string) => {
      if (point === 'refund:unbooked:create-refund:after') throw new Crash();
    };
    await expect(advanceRefund(started.refund, rig.world({ crashPoint }))).rejects.toThrow(Crash);
    await rig.database.query(
      `UPDATE payments.refunds SET created_at = created_at - interval '25 hours' WHERE refund_id = $1`,
      [started.refund.refundId],
    );
    rig.sandbox.books.answers.clear();
    expect(await live(started.refund, {})).toMatchObject({ state: 'refunded' });
    expect((await rig.booksOf(held, { attemptId })).chargedMinor).toBe(4_500);
  });
});

describe('a refund that failed', () => {
  /** The provider will not refuse any more. */
  const heal = (attemptId: string) => {
    for (const intent of rig.sandbox.books.intents.values()) {
      if (intent.metadata.attemptId !== attemptId) continue;
      rig.sandbox.books.intents.set(intent.id, { ...intent, payment_method: 'pm_card_visa' });
    }
  };

  const breakOf = async (refundId: string) =>
    (await listBreaks(rig.database, { all: true, limit: 1_000 })).find((found) => found.refundId === refundId);

  async function failed(seats: 1 | 2): Promise<{ held: HeldSeats; attemptId: string; refund: Refund }> {
    const { held, attemptId } = await paid('pm_sandbox_refund_refused');
    const started = await ask(held, attemptId, held.seatIds.slice(0, seats));
    if (started.outcome !== 'started') throw new Error(started.outcome);
    const refund = await live(started.refund, {});
    if (refund.state !== 'failed') throw new Error(refund.state);
    return { held, attemptId, refund };
  }

  it('may be asked for again, and then its break is settled', async () => {
    const { held, attemptId, refund } = await failed(1);
    heal(attemptId);
    const again = await ask(held, attemptId, refund.seatIds);
    if (again.outcome !== 'started') throw new Error(again.outcome);
    expect(again.refund).toMatchObject({ state: 'unbooked', amountMinor: 4_500 });
    expect(await breakOf(refund.refundId)).toMatchObject({ resolvedBy: held.buyerId });
    expect(await live(again.refund, {})).toMatchObject({ state: 'refunded' });
    expect(await seatStates(held)).toEqual(['available', 'booked']);
    expect((await rig.booksOf(held, { attemptId })).chargedMinor).toBe(4_500);
    expect(await ask(held, attemptId, refund.seatIds)).toMatchObject({ outcome: 'seats-refunded' });
  });

  it('may be asked for again together with seats that are still the buyer’s', async () => {
    const { held, attemptId } = await failed(1);
    heal(attemptId);
    const again = await ask(held, attemptId);
    if (again.outcome !== 'started') throw new Error(again.outcome);
    expect(await live(again.refund, {})).toMatchObject({ state: 'refunded', amountMinor: 9_000 });
    expect(await seatStates(held)).toEqual(['available', 'available']);
    expect((await rig.booksOf(held, { attemptId })).chargedMinor).toBe(0);
  });

  it('is begun again once, however many ask at the same time', async () => {
    const { held, attemptId } = await failed(2);
    const starts = await Promise.all(Array.from({ length: 8 }, () => ask(held, attemptId)));
    expect(starts.filter(({ outcome }) => outcome === 'started')).toHaveLength(1);
    expect(starts.filter(({ outcome }) => outcome === 'seats-refunded')).toHaveLength(7);
  });

  it('is asked for again as a whole: what is open is the sum of its seats', async () => {
    const { held, attemptId } = await failed(2);
    const [seat = ''] = held.seatIds;
    expect(await ask(held, attemptId, [seat])).toEqual({ outcome: 'seats-refunded', seatIds: [seat] });
  });

  it('is not begun again once people have settled it', async () => {
    const { held, attemptId, refund } = await failed(1);
    const open = await breakOf(refund.refundId);
    expect(await resolveBreak(rig.database, open?.breakId ?? '', 'ada', 'sent by bank transfer')).toBe(true);
    expect(await ask(held, attemptId, refund.seatIds)).toMatchObject({ outcome: 'seats-refunded' });
  });

  it('is left to people when it has failed often enough', async () => {
    const { held, attemptId, refund } = await failed(1);
    for (let nth = 2; nth <= FAILED_MAX; nth += 1) {
      const again = await ask(held, attemptId, refund.seatIds);
      if (again.outcome !== 'started') throw new Error(again.outcome);
      expect(await live(again.refund, {})).toMatchObject({ state: 'failed' });
    }
    expect(await ask(held, attemptId, refund.seatIds)).toMatchObject({ outcome: 'seats-refunded' });
  });
});

describe('the same seat', () => {
  it('is given back once, however many ask at the same time', async () => {
    const { held, attemptId } = await paid('pm_card_visa');
    const starts = await Promise.all(Array.from({ length: 8 }, () => ask(held, attemptId)));
    expect(starts.filter(({ outcome }) => outcome === 'started')).toHaveLength(1);
    expect(starts.filter(({ outcome }) => outcome === 'seats-refunded')).toHaveLength(7);
  });
});

describe('all of them together', () => {
  it('take every transition', () => {
    const all = REFUND_TRANSITIONS.map((transition) => transition.join(' '));
    expect(all.filter((transition) => !reached.has(transition))).toEqual([]);
  });

  it('crash at every point that a refund by itself comes to', () => {
    const none = ['refund:refused:committed'];
    expect(REFUND_CRASH_POINTS.filter((point) => !crashed.has(point) && !none.includes(point))).toEqual([]);
  });

  it('leave a ledger that adds up', async () => {
    expect(await unbalancedEvents(rig.database)).toEqual([]);
  });
});
