import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import {
  beginPayment,
  block,
  book,
  closeEvent,
  expire,
  extend,
  hold,
  inventoryMigrations,
  lateBook,
  readHold,
  release,
  unblock,
  unbook,
  type Hold,
} from './index';
import { hash, Sale } from './spec/sale';

let test: TestDatabase;
beforeAll(async () => (test = await testDatabase([inventoryMigrations])));
afterAll(() => test.drop());

const open = (seats = 4, sale = {}): Promise<Sale> => Sale.open(test.database, seats, sale);
const kinds = async (sale: Sale): Promise<string[]> =>
  (await sale.ledger()).map((entry) => `${entry.seatId}@${entry.version} ${entry.kind}`);

/** A hold brought into each state a hold can be in. */
const states: Record<string, (sale: Sale, held: Hold) => Promise<unknown>> = {
  held: () => Promise.resolve(),
  'run out': (sale, held) => sale.runOut(held.holdId),
  'run out and taken over': async (sale, held) => {
    await sale.runOut(held.holdId);
    await sale.hold('thief', ['S000']);
  },
  'being paid': (sale, held) =>
    beginPayment(sale.db, sale.eventId, [{ attemptId: newId(), holdId: held.holdId, buyerId: 'ann' }]),
  booked: (sale, held) => sale.book(held),
  released: (sale, held) => release(sale.db, sale.eventId, [{ holdId: held.holdId, buyerId: 'ann' }]),
  expired: async (sale, held) => {
    await sale.runOut(held.holdId);
    await expire(sale.db, sale.eventId, [held.holdId], 'due');
  },
  unbooked: async (sale, held) => {
    const { attemptId } = await sale.book(held);
    await unbook(sale.db, sale.eventId, [{ attemptId, holdId: held.holdId, reason: 'refund' }]);
  },
};

/** Each verb asked of a hold; how it answers, in a word. */
const verbs: Record<string, (sale: Sale, held: Hold, buyerId: string, version?: number) => Promise<string>> = {
  extend: async (sale, { holdId }, buyerId, version) => {
    const request = { holdId, buyerId, key: newId(), bodyHash: hash('x'), seconds: 700, version };
    return (await extend(sale.db, sale.eventId, [request]))[0]?.outcome ?? '';
  },
  release: async (sale, { holdId }, buyerId, version) => {
    const [outcome] = await release(sale.db, sale.eventId, [{ holdId, buyerId, version }]);
    return outcome?.outcome === 'released' && outcome.replayed ? 'released again' : (outcome?.outcome ?? '');
  },
  'begin-payment': async (sale, { holdId }, buyerId, version) => {
    const [outcome] = await beginPayment(sale.db, sale.eventId, [{ attemptId: newId(), holdId, buyerId, version }]);
    return outcome?.outcome === 'refused' ? outcome.reason : (outcome?.outcome ?? '');
  },
  expire: async (sale, { holdId }) => (await expire(sale.db, sale.eventId, [holdId], 'due'))[0]?.outcome ?? '',
  'book without begin': async (sale, { holdId }) => {
    const [outcome] = await book(sale.db, sale.eventId, [{ attemptId: newId(), holdId, version: 1 }]);
    return outcome?.outcome === 'refused' ? outcome.reason : (outcome?.outcome ?? '');
  },
  'late-book without begin': async (sale, { holdId }) => {
    const outcome = await lateBook(sale.db, sale.eventId, { attemptId: newId(), holdId, newHoldId: newId() });
    return outcome.outcome === 'refused' ? outcome.reason : outcome.outcome;
  },
  unbook: async (sale, { holdId }) => {
    const [outcome] = await unbook(sale.db, sale.eventId, [{ attemptId: newId(), holdId, reason: 'x' }]);
    return outcome?.outcome === 'refused' ? outcome.reason : (outcome?.outcome ?? '');
  },
};

describe('every state x verb, by the owner', () => {
  const expected: Record<string, Record<string, string>> = {
    held: { extend: 'extended', release: 'released', 'begin-payment': 'begun', expire: 'not-due' },
    'run out': { extend: 'expired', release: 'expired', 'begin-payment': 'expired', expire: 'expired' },
    'run out and taken over': { extend: 'expired', release: 'expired', 'begin-payment': 'expired', expire: 'expired' },
    'being paid': {
      extend: 'payment-in-progress',
      release: 'released',
      'begin-payment': 'payment-in-progress',
      expire: 'not-due',
    },
    booked: { extend: 'ended', release: 'ended', 'begin-payment': 'ended', expire: 'gone' },
    released: { extend: 'ended', release: 'released again', 'begin-payment': 'ended', expire: 'gone' },
    expired: { extend: 'expired', release: 'expired', 'begin-payment': 'expired', expire: 'gone' },
    unbooked: { extend: 'ended', release: 'ended', 'begin-payment': 'ended', expire: 'gone' },
  };
  const unasked = { 'book without begin': 'not-begun', 'late-book without begin': 'not-begun', unbook: 'not-booked' };
  for (const [state, arrange] of Object.entries(states)) {
    for (const [verb, ask] of Object.entries(verbs)) {
      const answer = { ...unasked, ...expected[state] }[verb];
      it(`${verb} of a hold that is ${state}: ${answer}`, async () => {
        const sale = await open();
        const held = await sale.hold('ann', ['S000', 'S001']);
        await arrange(sale, held);
        expect(await ask(sale, held, 'ann')).toBe(answer);
      });
    }
  }
});

describe('every state x verb, by somebody else', () => {
  for (const [state, arrange] of Object.entries(states)) {
    for (const verb of ['extend', 'release', 'begin-payment']) {
      it(`${verb} of a foreign hold that is ${state} is as unknown as none, and changes nothing`, async () => {
        const sale = await open();
        const held = await sale.hold('ann', ['S000', 'S001']);
        await arrange(sale, held);
        const before = await sale.seats();
        expect(await verbs[verb]?.(sale, held, 'eve')).toBe('unknown-hold');
        expect(await sale.seats()).toEqual(before);
      });
    }
  }
});

describe('stale versions', () => {
  for (const verb of ['extend', 'release', 'begin-payment']) {
    it(`${verb} under a version that is not the hold's is refused`, async () => {
      const sale = await open();
      const held = await sale.hold('ann', ['S000']);
      await verbs['extend']?.(sale, held, 'ann', 1);
      expect(await verbs[verb]?.(sale, held, 'ann', 1)).toBe('stale-version');
    });
  }
});

describe('hold', () => {
  it('takes all seats, prices them, and tells each in the ledger', async () => {
    const sale = await open();
    const held = await sale.hold('ann', ['S001', 'S000']);
    expect(held).toMatchObject({
      state: 'held',
      version: 1,
      amountMinor: 7_500,
      currency: 'EUR',
      seats: [
        { seatId: 'S000', category: 'Floor', priceMinor: 5_000 },
        { seatId: 'S001', category: 'Balcony', priceMinor: 2_500 },
      ],
    });
    // On the grid of 20 ms, and never less than what was promised.
    expect(held.deadline.getTime() % 20).toBe(0);
    const heldMs = held.deadline.getTime() - held.createdAt.getTime();
    expect(heldMs).toBeGreaterThanOrEqual(600_000);
    expect(heldMs).toBeLessThanOrEqual(600_020);
    expect(await kinds(sale)).toEqual(['S000@1 held', 'S001@1 held']);
  });

  it('is all or nothing, and names the seats in the way and whether they are the caller’s', async () => {
    const sale = await open();
    const bob = await sale.hold('bob', ['S001']);
    await sale.hold('ann', ['S002']);
    const refused = await sale.tryHold('ann', ['S000', 'S001', 'S002']);
    expect(refused).toMatchObject({
      outcome: 'seats-taken',
      seats: [
        { seatId: 'S001', state: 'held', heldByYou: false, holdId: bob.holdId, deadline: bob.deadline },
        { seatId: 'S002', state: 'held', heldByYou: true },
      ],
    });
    expect((await sale.seats())['S000']).toMatchObject({ state: 'available', version: 0 });
  });

  it('refuses unknown seats, too many, the buyer’s limit, an unknown event', async () => {
    const sale = await open(12, { seatsPerHoldMax: 3, seatsPerBuyerMax: 4 });
    expect(await sale.tryHold('ann', ['S000', 'nope'])).toEqual({ outcome: 'unknown-seats', seatIds: ['nope'] });
    expect(await sale.tryHold('ann', ['S000', 'S001', 'S002', 'S003'])).toEqual({
      outcome: 'too-many-seats',
      limit: 3,
    });
    await sale.book(await sale.hold('ann', ['S000', 'S001']));
    expect(await sale.tryHold('ann', ['S002', 'S003', 'S004'])).toEqual({
      outcome: 'buyer-limit',
      limit: 4,
      holding: 2,
    });
    const request = { holdId: newId(), buyerId: 'ann', key: 'k', bodyHash: hash('b'), seatIds: ['S000'] };
    expect(await hold(sale.db, newId(), [request])).toEqual([{ outcome: 'unknown-event' }]);
  });

  it('counts a hold towards the limit until it is due, not longer', async () => {
    const sale = await open(4, { seatsPerBuyerMax: 2 });
    const held = await sale.hold('ann', ['S000', 'S001']);
    expect((await sale.tryHold('ann', ['S002'])).outcome).toBe('buyer-limit');
    await sale.runOut(held.holdId);
    expect((await sale.tryHold('ann', ['S002'])).outcome).toBe('held');
  });

  it('is refused before the sale, after it, and once the event is closed', async () => {
    const soon = await open(1, { startsAt: new Date(Date.now() + 60_000) });
    expect(await soon.tryHold('ann', ['S000'])).toMatchObject({ outcome: 'not-on-sale', closed: false });
    const over = await open(1, { startsAt: new Date(Date.now() - 9_000), endsAt: new Date(Date.now() - 5_000) });
    expect(await over.tryHold('ann', ['S000'])).toMatchObject({ outcome: 'not-on-sale', closed: false });
    const closed = await open(1);
    await closeEvent(closed.db, closed.eventId, 'org');
    expect(await closed.tryHold('ann', ['S000'])).toMatchObject({ outcome: 'not-on-sale', closed: true });
  });

  it('refuses a batch that names a seat or a buyer twice', async () => {
    const sale = await open();
    const request = (buyerId: string, seatId: string) => ({
      holdId: newId(),
      buyerId,
      key: newId(),
      bodyHash: hash('b'),
      seatIds: [seatId],
    });
    await expect(hold(sale.db, sale.eventId, [request('ann', 'S000'), request('bob', 'S000')])).rejects.toThrow('seat');
    await expect(hold(sale.db, sale.eventId, [request('ann', 'S000'), request('ann', 'S001')])).rejects.toThrow(
      'buyer',
    );
  });
});

describe('take-over of a run-out seat', () => {
  it('ends the old hold for that seat only; its expiry later frees the rest', async () => {
    const sale = await open();
    const old = await sale.hold('ann', ['S000', 'S001', 'S002']);
    await sale.runOut(old.holdId);
    const taken = await sale.hold('bob', ['S001']);
    expect(await sale.holdState(old.holdId)).toBe('held');
    expect(await sale.seats()).toMatchObject({
      S000: { state: 'held', holdId: old.holdId },
      S001: { state: 'held', holdId: taken.holdId, version: 3 },
    });

    const [expired] = await expire(sale.db, sale.eventId, [old.holdId], 'swept');
    expect(expired).toMatchObject({ outcome: 'expired', seatIds: ['S000', 'S002'] });
    expect(await sale.holdState(old.holdId)).toBe('expired');
    expect(await sale.seats()).toMatchObject({ S001: { state: 'held', holdId: taken.holdId, version: 3 } });

    const ends = (await sale.ledger()).filter((entry) => entry.kind === 'expired');
    expect(ends.map((entry) => [entry.seatId, entry.holdId, entry.reason])).toEqual([
      ['S001', old.holdId, 'taken-over'],
      ['S000', old.holdId, 'swept'],
      ['S002', old.holdId, 'swept'],
    ]);
  });

  it('frees the seat once when the old hold and the new one are released together', async () => {
    const sale = await open();
    const old = await sale.hold('ann', ['S000', 'S001']);
    await sale.runOut(old.holdId);
    const taken = await sale.hold('bob', ['S001', 'S002']);
    await sale.runOut(taken.holdId);
    expect(await expire(sale.db, sale.eventId, [old.holdId, taken.holdId, newId()], 'due')).toMatchObject([
      { outcome: 'expired', seatIds: ['S000'] },
      { outcome: 'expired', seatIds: ['S001', 'S002'] },
      { outcome: 'gone' },
    ]);
    expect(await sale.seats()).toMatchObject({ S001: { state: 'available', version: 4 } });
  });

  it('of every seat leaves a hold that still closes, with nothing to free', async () => {
    const sale = await open();
    const old = await sale.hold('ann', ['S000']);
    await sale.runOut(old.holdId);
    await sale.hold('bob', ['S000']);
    expect(await expire(sale.db, sale.eventId, [old.holdId], 'due')).toMatchObject([
      { outcome: 'expired', seatIds: [] },
    ]);
    expect(await sale.holdState(old.holdId)).toBe('expired');
  });

  it('by the organiser blocks it', async () => {
    const sale = await open();
    const old = await sale.hold('ann', ['S000']);
    await sale.runOut(old.holdId);
    const request = { organiserId: 'org', key: newId(), bodyHash: hash('b'), seatIds: ['S000'] };
    expect(await block(sale.db, sale.eventId, request)).toMatchObject({ outcome: 'blocked' });
    expect(await kinds(sale)).toEqual(['S000@1 held', 'S000@2 expired', 'S000@3 blocked']);
  });
});

describe('extend', () => {
  it('moves the deadline of hold and seats, never back, within its bounds', async () => {
    const sale = await open(1, { extensionsMax: 2, holdSecondsMax: 1_000 });
    const held = await sale.hold('ann', ['S000']);
    const ask = async (seconds: number) => {
      const request = { holdId: held.holdId, buyerId: 'ann', key: newId(), bodyHash: hash('x'), seconds };
      return (await extend(sale.db, sale.eventId, [request]))[0];
    };
    const shorter = await ask(10);
    expect(shorter).toMatchObject({ outcome: 'extended', hold: { deadline: held.deadline, version: 2 } });
    const bounded = await ask(5_000);
    expect(bounded).toMatchObject({ hold: { version: 3, extensionsLeft: 0 } });
    if (bounded?.outcome !== 'extended') throw new Error('refused');
    expect(bounded.hold.deadline.getTime() - held.createdAt.getTime()).toBe(1_000_000);
    expect(await ask(10)).toEqual({ outcome: 'no-extensions-left', limit: 2 });
    expect(await kinds(sale)).toEqual(['S000@1 held', 'S000@2 extended', 'S000@3 extended']);
  });

  it('has nothing left where the first deadline is the bound, or beyond it by its place on the grid', async () => {
    const sale = await open(1, { holdSeconds: 60, holdSecondsMax: 60 });
    const held = await sale.hold('ann', ['S000']);
    const heldMs = held.deadline.getTime() - held.createdAt.getTime();
    expect(heldMs).toBeGreaterThanOrEqual(60_000);
    expect(heldMs).toBeLessThanOrEqual(60_020);
    const request = { holdId: held.holdId, buyerId: 'ann', key: newId(), bodyHash: hash('x'), seconds: 60 };
    expect(await extend(sale.db, sale.eventId, [request])).toEqual([{ outcome: 'no-extensions-left', limit: 2 }]);
  });
});

describe('block', () => {
  const request = (seatIds: string[], key = newId()) => ({ organiserId: 'org', key, bodyHash: hash('b'), seatIds });

  it('takes seats off sale and puts them back, all or none, with exact replays', async () => {
    const sale = await open(3);
    await sale.hold('ann', ['S002']);
    expect(await block(sale.db, sale.eventId, request(['S000', 'S002']))).toMatchObject({
      outcome: 'seats-taken',
      seats: [{ seatId: 'S002', state: 'held' }],
    });
    expect(await block(sale.db, sale.eventId, request(['S000', 'zz']))).toEqual({
      outcome: 'unknown-seats',
      seatIds: ['zz'],
    });
    const first = request(['S000', 'S001']);
    expect(await block(sale.db, sale.eventId, first)).toMatchObject({ outcome: 'blocked', replayed: false });
    expect(await block(sale.db, sale.eventId, first)).toMatchObject({ outcome: 'blocked', replayed: true });
    expect(await block(sale.db, sale.eventId, { ...first, bodyHash: hash('c') })).toEqual({ outcome: 'key-reused' });
    expect((await sale.tryHold('ann', ['S000'])).outcome).toBe('seats-taken');
    expect(await unblock(sale.db, sale.eventId, request(['S000', 'S002']))).toMatchObject({ outcome: 'not-blocked' });
    expect(await unblock(sale.db, sale.eventId, request(['S000', 'S001']))).toMatchObject({ outcome: 'unblocked' });
    expect((await sale.tryHold('ann', ['S000'])).outcome).toBe('held');
  });
});

describe('reading a hold', () => {
  it('says expired as soon as it is due, and nothing to others', async () => {
    const sale = await open(1);
    const held = await sale.hold('ann', ['S000']);
    expect((await readHold(sale.db, sale.eventId, held.holdId, 'ann'))?.hold.state).toBe('held');
    await sale.runOut(held.holdId);
    expect((await readHold(sale.db, sale.eventId, held.holdId, 'ann'))?.hold.state).toBe('expired');
    expect(await readHold(sale.db, sale.eventId, held.holdId, 'eve')).toBeUndefined();
  });
});
