import { openDatabase, type Database } from '@holdfast/postgres';
import { eventually, testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import {
  beginPayment,
  block,
  book,
  expire,
  extend,
  hold,
  inventoryMigrations,
  lateBook,
  release,
  unblock,
  unbook,
  type Hold,
} from './index';
import { illegalChanges } from './spec/legal-life';
import { hash, Sale } from './spec/sale';

/** Each racer has a connection of its own, as requests of many instances have. */
const CONNECTIONS = 40;

let test: TestDatabase;
let db: Database;
let deadlocksBefore: number;

const deadlocks = async (): Promise<number> => {
  const [row] = await db.query<{ deadlocks: number }>(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  );
  return row?.deadlocks ?? 0;
};

beforeAll(async () => {
  test = await testDatabase([inventoryMigrations]);
  db = openDatabase({ url: test.url, applicationName: 'racers', connectionsMax: CONNECTIONS });
  deadlocksBefore = await deadlocks();
});
afterAll(async () => {
  await db.close();
  await test.drop();
});
afterEach(async () => {
  await db.query('SELECT pg_stat_force_next_flush()');
  expect(await deadlocks()).toBe(deadlocksBefore);
});

const count = (outcomes: ({ outcome: string } | undefined)[], what: string): number =>
  outcomes.filter((outcome) => outcome?.outcome === what).length;

const expectLegal = async (sale: Sale): Promise<void> => expect(illegalChanges(await sale.ledger())).toEqual([]);

const shuffled = <T>(items: T[]): T[] =>
  items.map((item) => ({ item, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ item }) => item); // prettier-ignore

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

it('many buyers race for one seat: one wins', async () => {
  const sale = await Sale.open(db, 1);
  const outcomes = await Promise.all(range(200).map((i) => sale.tryHold(`buyer-${i}`, ['S000'])));
  expect(count(outcomes, 'held')).toBe(1);
  expect(count(outcomes, 'seats-taken')).toBe(199);
  await expectLegal(sale);
});

it('buyers race for overlapping groups: all or nothing, no deadlock, no seat sold twice', async () => {
  const sale = await Sale.open(db, 12);
  const outcomes = await Promise.all(
    range(200).map((i) => sale.tryHold(`buyer-${i}`, shuffled(sale.seatIds).slice(0, 1 + (i % 4)))),
  );
  const won = outcomes.flatMap((outcome) => (outcome.outcome === 'held' ? outcome.hold.seats : []));
  expect(new Set(won.map((seat) => seat.seatId)).size).toBe(won.length);
  const held = Object.values(await sale.seats()).filter((seat) => seat.state === 'held');
  expect(held.length).toBe(won.length);
  await expectLegal(sale);
});

it('batches of many requests race for overlapping groups', async () => {
  const sale = await Sale.open(db, 60);
  const batches = range(60).map((b) =>
    range(15).map((i) => ({
      holdId: newId(),
      buyerId: `buyer-${b}-${i}`,
      key: newId(),
      bodyHash: hash('b'),
      seatIds: [`S${String((i * 4 + (b % 4)) % 60).padStart(3, '0')}`],
    })),
  );
  const outcomes = (await Promise.all(batches.map((batch) => hold(db, sale.eventId, batch)))).flat();
  expect(count(outcomes, 'held')).toBe(60);
  expect(count(outcomes, 'seats-taken') + count(outcomes, 'conflict')).toBe(900 - 60);
  await expectLegal(sale);
});

it('one buyer races against the limit through many connections and never exceeds it', async () => {
  const sale = await Sale.open(db, 100, { seatsPerBuyerMax: 5 });
  const outcomes = await Promise.all(sale.seatIds.map((seatId) => sale.tryHold('ann', [seatId])));
  expect(count(outcomes, 'held')).toBe(5);
  expect(count(outcomes, 'buyer-limit')).toBe(95);
});

it('one buyer cannot exceed the limit by extending a hold at its deadline while taking others', async () => {
  for (let round = 0; round < 30; round++) {
    const sale = await Sale.open(db, 4, { seatsPerBuyerMax: 2 });
    const { holdId } = await sale.hold('ann', ['S000', 'S001']);
    await sale.setDeadline(holdId, 15);
    const extendUntilRefused = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const request = { holdId, buyerId: 'ann', key: newId(), bodyHash: hash('x'), seconds: 60 };
        const [outcome] = await extend(db, sale.eventId, [request]);
        if (outcome?.outcome !== 'no-extensions-left') return;
      }
    };
    const holdUntilTaken = async (): Promise<void> => {
      for (let i = 0; i < 40; i++) if ((await sale.tryHold('ann', ['S002', 'S003'])).outcome === 'held') return;
    };
    await Promise.all([holdUntilTaken(), holdUntilTaken(), extendUntilRefused()]);
    const [row] = await db.query<{ live: number }>(
      `SELECT coalesce(sum(seat_count), 0)::int AS live FROM inventory.holds
        WHERE event_id = $1 AND state = 'held' AND deadline > clock_timestamp()`,
      [sale.eventId],
    );
    expect(row?.live).toBeLessThanOrEqual(2);
  }
});

it('a multi-seat booking around its deadline books all seats or none', async () => {
  const seen = new Set<string>();
  for (let round = 0; round < 60; round++) {
    const sale = await Sale.open(db, 6);
    const { holdId } = await sale.hold('ann', sale.seatIds);
    const attemptId = newId();
    await beginPayment(db, sale.eventId, [{ attemptId, holdId, buyerId: 'ann' }]);
    await sale.setDeadline(holdId, 2 + (round % 12));
    const [[booked]] = await Promise.all([
      book(db, sale.eventId, [{ attemptId, holdId, version: 1 }]),
      ...range(4).map(() => expire(db, sale.eventId, [holdId], 'due')),
      ...sale.seatIds.map((seatId) => sale.tryHold(`thief-${seatId}`, [seatId])),
    ]);
    const mine = Object.values(await sale.seats()).filter((seat) => seat.holdId === holdId && seat.state === 'booked');
    expect(mine.length).toBe(booked?.outcome === 'booked' ? 6 : 0);
    seen.add(booked?.outcome ?? '');
    await expectLegal(sale);
  }
  // A race that only ever ends one way has tested nothing; rounds before and after the deadline are both there.
  expect([...seen]).toContain('booked');
});

it('a booking that waits behind a lock past its deadline is refused', async () => {
  const sale = await Sale.open(db, 2);
  const { holdId } = await sale.hold('ann', ['S000', 'S001']);
  const attemptId = newId();
  await beginPayment(db, sale.eventId, [{ attemptId, holdId, buyerId: 'ann' }]);
  await sale.setDeadline(holdId, 300);
  const { booking } = await db.transaction(async (tx) => {
    await tx.query('SELECT 1 FROM inventory.seats WHERE event_id = $1 AND seat_id = $2 FOR UPDATE', [
      sale.eventId,
      'S001',
    ]);
    const asked = book(db, sale.eventId, [{ attemptId, holdId, version: 1 }]);
    await tx.query(
      `SELECT pg_sleep(extract(epoch FROM deadline - clock_timestamp()) + 0.05) FROM inventory.holds WHERE hold_id = $1`,
      [holdId],
    );
    return { booking: asked };
  });
  expect(await booking).toMatchObject([{ outcome: 'refused', reason: 'expired' }]);
  await expectLegal(sale);
});

it('the same key raced with the same body takes one hold and answers all with it', async () => {
  for (let round = 0; round < 10; round++) {
    const sale = await Sale.open(db, 2);
    const outcomes = await Promise.all(range(20).map(() => sale.tryHold('ann', ['S000', 'S001'], 'key')));
    const ids = outcomes.map((outcome) => (outcome.outcome === 'held' ? outcome.hold.holdId : outcome.outcome));
    expect(new Set(ids).size).toBe(1);
    expect(outcomes.filter((outcome) => outcome.outcome === 'held' && !outcome.replayed).length).toBe(1);
    await expectLegal(sale);
  }
});

it('the same key raced with another body takes one hold and refuses the others', async () => {
  for (let round = 0; round < 10; round++) {
    const sale = await Sale.open(db, 20);
    const outcomes = await Promise.all(
      sale.seatIds.map((seatId) => sale.tryHold('ann', [seatId], 'key', `body of ${seatId}`)),
    );
    expect(count(outcomes, 'held')).toBe(1);
    expect(count(outcomes, 'key-reused')).toBe(19);
  }
});

it('the same key of extend raced extends once', async () => {
  const sale = await Sale.open(db, 1, { extensionsMax: 5 });
  const { holdId } = await sale.hold('ann', ['S000']);
  const request = { holdId, buyerId: 'ann', key: 'key', bodyHash: hash('x'), seconds: 700 };
  const outcomes = await Promise.all(range(20).map(async () => (await extend(db, sale.eventId, [request]))[0]));
  expect(outcomes.map((outcome) => outcome?.outcome)).toEqual(range(20).map(() => 'extended'));
  expect((await sale.ledger()).filter((entry) => entry.kind === 'extended').length).toBe(1);
});

describe('copies of one request that wait behind the same lock have one effect and one answer:', () => {
  const COPIES = 5;

  /** Sends the copies while a seat is locked, and lets them go when all of them wait: none has seen another's effect. */
  const atOnce = <Outcome>(sale: Sale, send: () => Promise<Outcome>): Promise<Outcome[]> =>
    db
      .transaction(async (tx) => {
        await tx.query(`SELECT FROM inventory.seats WHERE event_id = $1 AND seat_id = 'S000' FOR UPDATE`, [
          sale.eventId,
        ]);
        const copies = Promise.all(range(COPIES).map(send));
        const waitingSql = `SELECT FROM pg_stat_activity WHERE application_name = 'racers' AND wait_event_type = 'Lock'`;
        await eventually(async () => (await db.query(waitingSql)).length === COPIES);
        return { copies };
      })
      .then(({ copies }) => copies);

  const expectOne = async (sale: Sale, outcomes: ({ outcome: string } | undefined)[], outcome: string) => {
    expect(outcomes).toEqual(range(COPIES).map(() => expect.objectContaining({ outcome }) as unknown));
    expect(outcomes.filter((each) => each && 'replayed' in each && !each.replayed).length).toBe(1);
    await expectLegal(sale);
  };

  it.each([
    ['that names the version it saw', { extensionsMax: 5 }, 1],
    ['that is the last one', { extensionsMax: 1 }, undefined],
  ])('an extension %s', async (_what, settings, version) => {
    const sale = await Sale.open(db, 1, settings);
    const { holdId } = await sale.hold('ann', ['S000']);
    const request = { holdId, buyerId: 'ann', key: 'key', bodyHash: hash('x'), seconds: 700, version };
    const outcomes = await atOnce(sale, async () => (await extend(db, sale.eventId, [request]))[0]);
    await expectOne(sale, outcomes, 'extended');
  });

  it('a block, and its end', async () => {
    const sale = await Sale.open(db, 1);
    const request = { organiserId: 'org', key: 'key', bodyHash: hash('x'), seatIds: ['S000'] };
    await expectOne(sale, await atOnce(sale, () => block(db, sale.eventId, request)), 'blocked');
    await expectOne(sale, await atOnce(sale, () => unblock(db, sale.eventId, request)), 'unblocked');
  });
});

it('payments raced for one hold: one begins, and the grace is given once', async () => {
  for (let round = 0; round < 10; round++) {
    const sale = await Sale.open(db, 2, { payGraceSeconds: 900 });
    const { holdId, buyerId } = await sale.hold('ann', sale.seatIds);
    const outcomes = await Promise.all(
      range(12).map(async () => (await beginPayment(db, sale.eventId, [{ attemptId: newId(), holdId, buyerId }]))[0]),
    );
    const words = outcomes.map((outcome) => (outcome?.outcome === 'refused' ? outcome.reason : outcome?.outcome));
    expect(words.sort()).toEqual(['begun', ...range(11).map(() => 'payment-in-progress')]);
    expect((await sale.ledger()).filter(({ kind }) => kind === 'extended').length).toBe(2);
    await expectLegal(sale);
  }
});

describe('a late payment', () => {
  const openLate = (seats: number, settings = {}) =>
    Sale.open(db, seats, { latePayment: 'same-seats-if-free', ...settings });

  it('raced with another buyer who wants a seat of it: one of them has it, and each wins at times', async () => {
    const seen = new Set<string>();
    for (let round = 0; round < 40; round++) {
      const sale = await openLate(2);
      const { held, attemptId } = await sale.payLate('ann', ['S000', 'S001']);
      const request = { attemptId, holdId: held.holdId, newHoldId: newId() };
      const racers = shuffled([
        async () => (await lateBook(db, sale.eventId, request)).outcome,
        async () => (await sale.tryHold('bob', ['S001'])).outcome,
        async () => (await expire(db, sale.eventId, [held.holdId], 'due'))[0]?.outcome ?? '',
      ]);
      const outcomes = await Promise.all(racers.map((race) => race()));
      const isLate = outcomes.includes('booked');
      expect(outcomes).toContain(isLate ? 'seats-taken' : 'refused');
      expect(outcomes.includes('held')).toBe(!isLate);
      const mine = Object.values(await sale.seats()).filter(({ holdId }) => holdId === request.newHoldId);
      expect(mine.map(({ state }) => state)).toEqual(isLate ? ['booked', 'booked'] : []);
      seen.add(isLate ? 'late payment' : 'other buyer');
      await expectLegal(sale);
    }
    expect([...seen].sort()).toEqual(['late payment', 'other buyer']);
  });

  it('raced with itself takes one hold and answers all with it', async () => {
    for (let round = 0; round < 10; round++) {
      const sale = await openLate(2);
      const { held, attemptId } = await sale.payLate('ann', ['S000', 'S001']);
      const requests = range(12).map(() => ({ attemptId, holdId: held.holdId, newHoldId: newId() }));
      const outcomes = await Promise.all(requests.map((request) => lateBook(db, sale.eventId, request)));
      const ids = outcomes.map((outcome) => (outcome.outcome === 'booked' ? outcome.holdId : outcome.reason));
      expect(new Set(ids).size).toBe(1);
      expect(outcomes.filter((outcome) => outcome.outcome === 'booked' && !outcome.replayed).length).toBe(1);
      expect((await sale.ledger()).filter(({ kind }) => kind === 'booked').length).toBe(2);
      await expectLegal(sale);
    }
  });

  it('of an attempt that never began, raced with itself, is one refusal', async () => {
    const sale = await openLate(1);
    const { held } = await sale.payLate('ann', ['S000']);
    const request = { attemptId: newId(), holdId: held.holdId, newHoldId: newId() };
    const outcomes = await Promise.all(range(12).map(() => lateBook(db, sale.eventId, request)));
    expect(outcomes).toMatchObject(range(12).map(() => ({ outcome: 'refused', reason: 'not-begun' })));
  });

  it('raced with its fence is won by neither or by the late one, never by both', async () => {
    for (let round = 0; round < 10; round++) {
      const sale = await openLate(1);
      const { held, attemptId, version } = await sale.payLate('ann', ['S000']);
      const { holdId } = held;
      const [late, ...booked] = await Promise.all([
        lateBook(db, sale.eventId, { attemptId, holdId, newHoldId: newId() }),
        ...range(4).map(async () => (await book(db, sale.eventId, [{ attemptId, holdId, version }]))[0]),
      ]);
      expect(late.outcome).toBe('booked');
      expect(booked).toMatchObject(range(4).map(() => ({ outcome: 'refused', reason: 'expired' })));
    }
  });

  it('cannot exceed the buyer’s limit, raced with other holds and late payments of the buyer', async () => {
    for (let round = 0; round < 15; round++) {
      const sale = await openLate(8, { seatsPerBuyerMax: 4 });
      const first = await sale.payLate('ann', ['S000', 'S001']);
      const second = await sale.payLate('ann', ['S002', 'S003']);
      const outcomes = await Promise.all([
        ...[first, second].map(({ held, attemptId }) =>
          lateBook(db, sale.eventId, { attemptId, holdId: held.holdId, newHoldId: newId() }),
        ),
        ...['S004', 'S005', 'S006', 'S007'].map((seatId) => sale.tryHold('ann', [seatId])),
      ]);
      const taken = outcomes.map(({ outcome }) => (outcome === 'booked' ? 2 : outcome === 'held' ? 1 : 0));
      const sum = taken.reduce<number>((all, seats) => all + seats, 0);
      // Of four seats' room one may be left when both late payments came behind three holds.
      expect([3, 4]).toContain(sum);
      await expectLegal(sale);
    }
  });
});

describe('a refund', () => {
  it('raced with itself gives its seats back once and is answered alike', async () => {
    for (let round = 0; round < 10; round++) {
      const sale = await Sale.open(db, 3);
      const held = await sale.hold('ann', sale.seatIds);
      const { attemptId } = await sale.book(held);
      const request = {
        attemptId,
        holdId: held.holdId,
        refundId: newId(),
        reason: 'refunded',
        seatIds: ['S000', 'S002'],
      };
      const outcomes = await Promise.all(range(12).map(async () => (await unbook(db, sale.eventId, [request]))[0]));
      expect(outcomes).toMatchObject(range(12).map(() => ({ outcome: 'unbooked', seatIds: ['S000', 'S002'] })));
      expect(outcomes.filter((outcome) => outcome?.outcome === 'unbooked' && !outcome.replayed).length).toBe(1);
      expect(await sale.holdState(held.holdId)).toBe('booked');
      await expectLegal(sale);
    }
  });

  it('raced with others of the same seats, one seat, two or all: no seat is given back twice', async () => {
    for (let round = 0; round < 20; round++) {
      const sale = await Sale.open(db, 3);
      const held = await sale.hold('ann', sale.seatIds);
      const { attemptId } = await sale.book(held);
      const wishes = shuffled([['S000'], ['S001'], ['S000', 'S001'], undefined, ['S002']]);
      const outcomes = await Promise.all(
        wishes.map(async (seatIds) => {
          const request = { attemptId, holdId: held.holdId, refundId: newId(), reason: 'refunded', seatIds };
          return (await unbook(db, sale.eventId, [request]))[0];
        }),
      );
      const given = outcomes.flatMap((outcome) => (outcome?.outcome === 'unbooked' ? outcome.seatIds : []));
      // Whatever came first: the one that asks for all has left nothing.
      expect(given.sort()).toEqual(sale.seatIds);
      const reasons = outcomes.flatMap((outcome) => (outcome?.outcome === 'refused' ? [outcome.reason] : []));
      expect(new Set([...reasons, 'already-unbooked']).size).toBe(1);
      expect(await sale.holdState(held.holdId)).toBe('unbooked');
      await expectLegal(sale);
    }
  });

  it('under one id raced for two bookings gives back seats of one', async () => {
    for (let round = 0; round < 10; round++) {
      const sale = await Sale.open(db, 2);
      const bookings = await Promise.all(
        ['ann', 'bob'].map(async (buyerId, i) => {
          const held = await sale.hold(buyerId, [sale.seatIds[i] ?? '']);
          return { holdId: held.holdId, attemptId: (await sale.book(held)).attemptId };
        }),
      );
      const refundId = newId();
      const outcomes = await Promise.all(
        bookings.map(async (of) => (await unbook(db, sale.eventId, [{ ...of, refundId, reason: 'refunded' }]))[0]),
      );
      const words = outcomes.map((outcome) => (outcome?.outcome === 'refused' ? outcome.reason : outcome?.outcome));
      expect(words.sort()).toEqual(['refund-id-used', 'unbooked']);
    }
  });
});

it('a storm of every verb leaves every seat a legal life and no deadlock', async () => {
  const settings = { seatsPerBuyerMax: 6, extensionsMax: 3, latePayment: 'same-seats-if-free' } as const;
  const sale = await Sale.open(db, 8, settings);
  const payLate = async (held: Hold): Promise<void> => {
    const { attemptId } = await sale.pay(held).catch(() => ({ attemptId: newId() }));
    await sale.setDeadline(held.holdId, -1);
    const late = await lateBook(db, sale.eventId, { attemptId, holdId: held.holdId, newHoldId: newId() });
    if (late.outcome === 'refused') return;
    const refunds = late.seatIds.map((seatId) => ({ refundId: newId(), seatIds: [seatId] }));
    const booking = { attemptId, holdId: late.holdId, reason: 'refunded' };
    await Promise.all(refunds.map((refund) => unbook(db, sale.eventId, [{ ...booking, ...refund }])));
  };
  const buyer = async (name: string): Promise<void> => {
    for (let step = 0; step < 12; step++) {
      const outcome = await sale.tryHold(name, shuffled(sale.seatIds).slice(0, 1 + (step % 3)));
      if (outcome.outcome !== 'held') continue;
      const { holdId } = outcome.hold;
      const request = { holdId, buyerId: name, key: newId(), bodyHash: hash('x'), seconds: 60 };
      const fate = shuffled(['extend', 'release', 'run out', 'run out', 'pay', 'pay late'])[0];
      if (fate === 'extend') await extend(db, sale.eventId, [request]);
      if (fate !== 'pay' && fate !== 'pay late') await sale.setDeadline(holdId, fate === 'run out' ? -1 : 5);
      if (fate === 'release') await release(db, sale.eventId, [{ holdId, buyerId: name }]);
      if (fate === 'pay' && step > 9) await sale.book(outcome.hold).catch(() => undefined);
      if (fate === 'pay late') await payLate(outcome.hold);
      await Promise.all([expire(db, sale.eventId, [holdId], 'due'), expire(db, sale.eventId, [holdId], 'swept')]);
    }
  };
  await Promise.all(range(30).map((i) => buyer(`buyer-${i}`)));
  await expectLegal(sale);
  const ends = (await sale.ledger()).filter((entry) => ['released', 'expired', 'booked'].includes(entry.kind));
  const keys = ends.map((entry) => `${entry.holdId} ${entry.seatId}`);
  expect(new Set(keys).size).toBe(keys.length);
});

describe('a seat that changes while another statement waits for it', () => {
  /** Makes a change of a seat, and commits it only when `ask` waits for that seat. */
  async function whileUncommitted<T>(change: (tx: Database) => Promise<void>, ask: () => Promise<T>): Promise<T> {
    let asked: Promise<T> | undefined;
    await db.transaction(async (tx) => {
      await change(tx as unknown as Database);
      asked = ask();
      await eventually(async () => {
        const [row] = await db.query<{ waiting: number }>(
          `SELECT count(*)::int AS waiting FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return row?.waiting === 1;
      });
    });
    if (!asked) throw new Error('nobody asked');
    return asked;
  }

  /** Somebody takes S000 and gives it back. */
  async function whileReleasing<T>(sale: Sale, ask: () => Promise<T>): Promise<T> {
    const { holdId, buyerId } = await sale.hold('eve', ['S000']);
    return whileUncommitted(async (tx) => {
      const released = await release(tx, sale.eventId, [{ holdId, buyerId }]);
      expect(released).toMatchObject([{ outcome: 'released' }]);
    }, ask);
  }

  const seatsOf = async (sale: Sale) =>
    Object.values(await sale.seats()).map(({ state, holdId }) => (holdId ? { state, holdId } : { state }));
  const blocking = (key: string, seatIds: string[]) => ({ organiserId: 'org', key, bodyHash: hash(key), seatIds });

  it('belongs to the hold that is told so, like its other seats', async () => {
    const sale = await Sale.open(db, 2);
    const outcome = await whileReleasing(sale, () => sale.tryHold('bob', ['S000', 'S001']));
    if (outcome.outcome !== 'held') throw new Error(outcome.outcome);
    const { holdId } = outcome.hold;
    expect(await seatsOf(sale)).toEqual(range(2).map(() => ({ state: 'held', holdId })));
    await expectLegal(sale);
  });

  it('belongs to the late payer who is told so, like the other seats', async () => {
    const sale = await Sale.open(db, 2, { latePayment: 'same-seats-if-free' });
    const { held, attemptId } = await sale.payLate('bob', ['S000', 'S001']);
    const holdId = newId();
    const outcome = await whileReleasing(sale, () =>
      lateBook(db, sale.eventId, { attemptId, holdId: held.holdId, newHoldId: holdId }),
    );
    expect(outcome).toMatchObject({ outcome: 'booked', holdId });
    expect(await seatsOf(sale)).toEqual(range(2).map(() => ({ state: 'booked', holdId })));
    await expectLegal(sale);
  });

  it('is blocked where the organiser is told so', async () => {
    const sale = await Sale.open(db, 2);
    const blocked = await whileReleasing(sale, () => block(db, sale.eventId, blocking('k', ['S000', 'S001'])));
    expect(blocked.outcome).toBe('blocked');
    expect(await seatsOf(sale)).toEqual(range(2).map(() => ({ state: 'blocked' })));
    await expectLegal(sale);
  });

  it('is put back on sale where the organiser is told so', async () => {
    const sale = await Sale.open(db, 2);
    await block(db, sale.eventId, blocking('before', ['S001']));
    const unblocked = await whileUncommitted(
      async (tx) => {
        expect(await block(tx, sale.eventId, blocking('meanwhile', ['S000']))).toMatchObject({ outcome: 'blocked' });
      },
      () => unblock(db, sale.eventId, blocking('k', ['S000', 'S001'])),
    );
    expect(unblocked.outcome).toBe('unblocked');
    expect(await seatsOf(sale)).toEqual(range(2).map(() => ({ state: 'available' })));
    await expectLegal(sale);
  });
});
