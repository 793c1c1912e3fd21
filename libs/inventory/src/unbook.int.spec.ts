import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import {
  extend,
  inventoryMigrations,
  readHistory,
  readHold,
  unbook,
  type Hold,
  type UnbookOutcome,
  type UnbookRequest,
} from './index';
import { illegalChanges } from './spec/legal-life';
import { hash, Sale } from './spec/sale';

let test: TestDatabase;
beforeAll(async () => (test = await testDatabase([inventoryMigrations])));
afterAll(() => test.drop());

/** A booking of three seats, and a word for giving seats of it back. */
async function booking(): Promise<{
  sale: Sale;
  held: Hold;
  attemptId: string;
  ask: (request: Partial<UnbookRequest>) => Promise<UnbookOutcome | undefined>;
}> {
  const sale = await Sale.open(test.database, 4);
  const held = await sale.hold('ann', ['S000', 'S001', 'S002']);
  const { attemptId } = await sale.book(held);
  const usual = { attemptId, holdId: held.holdId, reason: 'refunded' };
  const ask = async (request: Partial<UnbookRequest>) =>
    (await unbook(sale.db, sale.eventId, [{ ...usual, ...request }]))[0];
  return { sale, held, attemptId, ask };
}

const refused = (reason: string) => ({ outcome: 'refused', reason });

describe('a refund', () => {
  it('gives back the seats it names; each ends by itself, the hold with its last', async () => {
    const { sale, held, ask } = await booking();
    expect(await ask({ refundId: newId(), seatIds: ['S002', 'S001'] })).toMatchObject({
      outcome: 'unbooked',
      replayed: false,
      seatIds: ['S001', 'S002'],
    });
    expect(await sale.seats()).toMatchObject({
      S000: { state: 'booked', version: 2 },
      S001: { state: 'available', version: 3 },
      S002: { state: 'available', version: 3 },
    });
    expect((await readHold(sale.db, sale.eventId, held.holdId, 'ann'))?.hold).toMatchObject({
      state: 'booked',
      version: 3,
      seats: held.seats.map((seat) => (seat.seatId === 'S000' ? seat : { ...seat, unbooked: true })),
    });
    expect((await readHold(sale.db, sale.eventId, held.holdId, 'ann'))?.hold.seats[0]).toEqual(held.seats[0]);

    const bob = await sale.hold('bob', ['S001']);
    expect(await ask({ refundId: newId() })).toMatchObject({ outcome: 'unbooked', seatIds: ['S000'] });
    expect((await readHold(sale.db, sale.eventId, held.holdId, 'ann'))?.hold).toMatchObject({
      state: 'unbooked',
      version: 4,
      seats: held.seats.map((seat) => ({ ...seat, unbooked: true })),
    });
    expect((await sale.seats())['S001']).toMatchObject({ state: 'held', holdId: bob.holdId });

    const history = await readHistory(sale.db, sale.eventId, held.holdId, 'ann');
    const ends = history?.filter(({ kind }) => kind === 'unbooked').map(({ seatId, reason }) => [seatId, reason]);
    expect(ends).toEqual([
      ['S001', 'refunded'],
      ['S002', 'refunded'],
      ['S000', 'refunded'],
    ]);
    expect(illegalChanges(await sale.ledger())).toEqual([]);
  });

  it('is answered alike when it is repeated, also when its seats are somebody else’s and the rest is gone too', async () => {
    const { sale, ask } = await booking();
    const [some, rest] = [newId(), newId()];
    await ask({ refundId: some, seatIds: ['S001'] });
    await sale.hold('bob', ['S001']);
    const again = { outcome: 'unbooked', replayed: true, seatIds: ['S001'] };
    expect(await ask({ refundId: some, seatIds: ['S001'] })).toMatchObject(again);
    await ask({ refundId: rest });
    expect(await ask({ refundId: some, seatIds: ['S001'] })).toMatchObject(again);
    expect(await ask({ refundId: rest })).toMatchObject({ outcome: 'unbooked', seatIds: ['S000', 'S002'] });
    expect((await sale.ledger()).filter(({ kind }) => kind === 'unbooked').length).toBe(3);
  });

  it('frees the buyer’s limit by as many seats', async () => {
    const { sale, ask } = await booking();
    await sale.db.query('UPDATE inventory.events SET seats_per_buyer_max = 3 WHERE event_id = $1', [sale.eventId]);
    expect((await sale.tryHold('ann', ['S003'])).outcome).toBe('buyer-limit');
    await ask({ refundId: newId(), seatIds: ['S001'] });
    expect((await sale.tryHold('ann', ['S003'])).outcome).toBe('held');
  });

  it('does not change what the buyer was once answered', async () => {
    const sale = await Sale.open(test.database, 1);
    const held = await sale.hold('ann', ['S000'], 'key');
    const { holdId } = held;
    const extension = { holdId, buyerId: 'ann', key: 'key', bodyHash: hash('x'), seconds: 700 };
    const [extended] = await extend(sale.db, sale.eventId, [extension]);
    const { attemptId } = await sale.book(held);
    await unbook(sale.db, sale.eventId, [{ attemptId, holdId, refundId: newId(), reason: 'refunded' }]);
    if (extended?.outcome !== 'extended') throw new Error('refused');
    expect(await extend(sale.db, sale.eventId, [extension])).toMatchObject([{ hold: extended.hold }]);
    const replay = await sale.tryHold('ann', ['S000'], 'key');
    expect(replay.outcome === 'held' && replay.hold).toEqual(held);
  });
});

describe('a refund is refused, and nothing changes', () => {
  it.each<[string, string, (booked: { attemptId: string }) => Partial<UnbookRequest>]>([
    ['of a seat of nobody', 'foreign-seats', () => ({ seatIds: ['S003'] })],
    ['of a seat that does not exist', 'foreign-seats', () => ({ seatIds: ['S000', 'nope'] })],
    ['of a foreign hold', 'not-booked', () => ({ holdId: newId() })],
    ['for another attempt', 'not-booked', () => ({ attemptId: newId() })],
    ['of a seat given back before', 'already-unbooked', () => ({ seatIds: ['S001'] })],
    ['of a seat given back before, among others', 'already-unbooked', () => ({ seatIds: ['S000', 'S001'] })],
  ])('%s: %s', async (_, reason, request) => {
    const { sale, attemptId, ask } = await booking();
    await ask({ refundId: newId(), seatIds: ['S001'] });
    const [before, ledger] = [await sale.seats(), await sale.ledger()];
    const refundId = newId();
    expect(await ask({ refundId, ...request({ attemptId }) })).toEqual(refused(reason));
    expect([await sale.seats(), await sale.ledger()]).toEqual([before, ledger]);
    // Refusals take no id.
    expect(await ask({ refundId, seatIds: ['S000'] })).toMatchObject({ outcome: 'unbooked', replayed: false });
  });

  it('under an id that gave other seats back, or seats of another hold', async () => {
    const { sale, ask } = await booking();
    const refundId = newId();
    await ask({ refundId, seatIds: ['S001'] });
    expect(await ask({ refundId, seatIds: ['S000'] })).toEqual(refused('refund-id-used'));
    const other = await sale.hold('bob', ['S003']);
    const { attemptId } = await sale.book(other);
    expect(await ask({ refundId, attemptId, holdId: other.holdId })).toEqual(refused('refund-id-used'));
    expect((await sale.seats())['S003']).toMatchObject({ state: 'booked' });
  });

  it('that names no seat at all: it does not mean all of them', async () => {
    const { sale, ask } = await booking();
    await expect(ask({ refundId: newId(), seatIds: [] })).rejects.toThrow('at least one seat');
    expect((await sale.seats())['S000']).toMatchObject({ state: 'booked' });
  });

  it('once nothing is left', async () => {
    const { ask } = await booking();
    await ask({ refundId: newId() });
    expect(await ask({ refundId: newId() })).toEqual(refused('already-unbooked'));
  });
});

describe('a capture that was refused', () => {
  it('gives all seats back for its attempt, and its repeat changes nothing', async () => {
    const { sale, held, ask } = await booking();
    const all = { outcome: 'unbooked', seatIds: ['S000', 'S001', 'S002'] };
    expect(await ask({ reason: 'capture-refused' })).toMatchObject({ ...all, replayed: false });
    await sale.hold('bob', ['S000']);
    expect(await ask({ reason: 'capture-refused' })).toMatchObject({ ...all, replayed: true });
    expect(await sale.holdState(held.holdId)).toBe('unbooked');
    expect((await sale.seats())['S000']).toMatchObject({ state: 'held' });
  });
});
