import { Logger } from '@nestjs/common';
import { eventually } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { hasEnded, type World } from './attempt-lifecycle';
import type { Attempt, AttemptFacts } from './attempts';
import { Completer, unfinishedAttempts } from './completer';
import { PaymentRig } from './payment-rig.spec';

const ATTEMPTS = 30;

let rig: PaymentRig;

beforeAll(async () => {
  rig = await PaymentRig.open();
});

afterAll(() => rig.close());

const fail = (error: unknown) => {
  throw error;
};

async function startAttempts(world: World, count: number): Promise<Attempt[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const held = await rig.holdSeats();
      const request = { ...held, paymentMethod: 'pm_card_visa', key: held.holdId, bodyHash: Buffer.from('body') };
      const begun = await world.attempts.start(request);
      if (begun.outcome !== 'started') throw new Error(begun.outcome);
      return begun.attempt;
    }),
  );
}

describe('several completers', () => {
  it('finish everything that was left behind, each attempt by one of them', async () => {
    let moves = 0;
    const world = rig.world({ onMoved: () => void (moves += 1) });
    const started = await startAttempts(world, ATTEMPTS);
    await rig.makeDue();
    const completers = Array.from(
      { length: 3 },
      () => new Completer([unfinishedAttempts(world)], { everyMs: 1, onFault: fail, logger: new Logger() }),
    );
    completers.forEach((completer) => completer.start());
    const unfinished = async () => {
      const now = await Promise.all(started.map((attempt) => world.attempts.reread(attempt)));
      return now.filter(({ state }) => !hasEnded(state)).length;
    };
    await eventually(async () => (await unfinished()) === 0);
    await Promise.all(completers.map((completer) => completer.stop()));
    expect(await unfinished()).toBe(0);
    // begun, unconfirmed, authorised, booked, captured: a move made twice would show here.
    expect(moves).toBe(ATTEMPTS * 5);
  });

  it('leave alone what somebody works on', async () => {
    const world = rig.world();
    await startAttempts(world, 1);
    expect(
      await new Completer([unfinishedAttempts(world)], { everyMs: 1, onFault: fail, logger: new Logger() }).run(),
    ).toBe(0);
  });
});

describe('who has lost the lease', () => {
  it('moves nothing', async () => {
    const world = rig.world();
    const [stale] = await startAttempts(world, 1);
    if (!stale) throw new Error('not started');
    const taken = await world.attempts.takeOver(stale);
    expect(await world.attempts.move(stale, 'refused', { reason: 'expired' })).toBeUndefined();
    expect(await world.attempts.takeOver(stale)).toBeUndefined();
    expect((await world.attempts.reread(stale)).version).toBe(taken?.version);
  });
});

describe('a move', () => {
  /** Each of them another value, so that none can stand in for another. */
  const facts: Required<AttemptFacts> = {
    reason: 'expired',
    amountMinor: 9_000,
    currency: 'EUR',
    fenceVersion: 7,
    seatIds: ['B "2"', 'A,1'],
    seatPricesMinor: [6_500, 2_500],
    latePayment: 'same-seats-if-free',
    lateHoldId: newId(),
    deadline: new Date('2030-05-06T07:08:09.123Z'),
    intentId: 'pi_1',
    authorisedMinor: 8_000,
    capturedMinor: 4_000,
    releasedMinor: 1_000,
    keyGeneration: 3,
    keySpent: true,
  };

  it('keeps every fact it is given, and what it is not told to change', async () => {
    const { attempts } = rig.world();
    const [attempt] = await startAttempts(rig.world(), 1);
    const moved = attempt && (await attempts.move(attempt, 'voiding', facts));
    expect(moved).toMatchObject({ ...facts, state: 'voiding', version: 2 });
    const again = moved && (await attempts.move(moved, 'voiding', { keySpent: false }));
    expect(again).toMatchObject({ ...facts, keySpent: false, version: 3 });
    const posted = await rig.database.query(
      'SELECT kind, amount_minor::float8 AS amount FROM payments.money_ledger WHERE attempt_id = $1 ORDER BY kind',
      [attempt?.attemptId],
    );
    expect(posted).toEqual([
      { kind: 'authorised', amount: 8_000 },
      { kind: 'captured', amount: 4_000 },
      { kind: 'released', amount: 1_000 },
    ]);
  });
});

describe('the table', () => {
  it.each([
    ['a captured attempt without an intent', `state = 'captured', ended_at = now()`],
    ['an end without a time', `state = 'refused', reason = 'expired'`],
    ['a failure without a reason', `state = 'refused', ended_at = now()`],
    ['a fenced attempt without its amount', `fence_version = 1`],
  ])('refuses %s', async (_what, change) => {
    const [attempt] = await startAttempts(rig.world(), 1);
    const update = `UPDATE payments.attempts SET ${change} WHERE attempt_id = $1`;
    await expect(rig.database.query(update, [attempt?.attemptId])).rejects.toMatchObject({ code: '23514' });
  });
});
