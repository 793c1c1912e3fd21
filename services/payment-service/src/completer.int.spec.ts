import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { hasEnded, type World } from './attempt-lifecycle';
import type { Attempt } from './attempts';
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
    for (const giveUpAt = Date.now() + 20_000; (await unfinished()) > 0 && Date.now() < giveUpAt;) await sleep(20);
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
