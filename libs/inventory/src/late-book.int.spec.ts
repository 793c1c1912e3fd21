import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import {
  beginPayment,
  block,
  book,
  closeEvent,
  endPayment,
  expire,
  extend,
  inventoryMigrations,
  lateBook,
  readHistory,
  readHold,
  release,
  unbook,
  type Hold,
  type LateBookOutcome,
  type SaleSettings,
} from './index';
import { illegalChanges } from './spec/legal-life';
import { hash, Sale } from './spec/sale';

let test: TestDatabase;
beforeAll(async () => (test = await testDatabase([inventoryMigrations])));
afterAll(() => test.drop());

const open = (seats = 4, sale: Partial<SaleSettings> = {}): Promise<Sale> =>
  Sale.open(test.database, seats, { latePayment: 'same-seats-if-free', ...sale });

const ask = (sale: Sale, attemptId: string, holdId: string, newHoldId = newId()): Promise<LateBookOutcome> =>
  lateBook(sale.db, sale.eventId, { attemptId, holdId, newHoldId });

describe('a payment that comes after its hold ran out', () => {
  it('takes and books the same seats by a new hold, linked to the old one, told in the ledger', async () => {
    const sale = await open();
    const { held, attemptId, version } = await sale.payLate('ann', ['S000', 'S001']);
    await expire(sale.db, sale.eventId, [held.holdId], 'due');
    const request = { attemptId, holdId: held.holdId, version };
    expect(await book(sale.db, sale.eventId, [request])).toMatchObject([{ outcome: 'refused', reason: 'expired' }]);
    const newHoldId = newId();
    expect(await ask(sale, attemptId, held.holdId, newHoldId)).toMatchObject({
      outcome: 'booked',
      replayed: false,
      holdId: newHoldId,
      seatIds: ['S000', 'S001'],
    });

    const { hold } = (await readHold(sale.db, sale.eventId, newHoldId, 'ann')) ?? {};
    const { seats, amountMinor, currency } = held;
    expect(hold).toMatchObject({
      replacesHoldId: held.holdId,
      state: 'booked',
      version: 2,
      seats,
      amountMinor,
      currency,
    });
    expect(await readHold(sale.db, sale.eventId, held.holdId, 'ann')).toMatchObject({ hold: { state: 'expired' } });
    expect(await sale.seats()).toMatchObject({
      S000: { state: 'booked', holdId: newHoldId, version: 4 },
      S001: { state: 'booked', holdId: newHoldId, version: 4 },
    });
    const history = await readHistory(sale.db, sale.eventId, newHoldId, 'ann');
    expect(history?.map(({ seatId, kind, reason }) => [seatId, kind, reason])).toEqual([
      ['S000', 'held', 'late-payment'],
      ['S000', 'booked', 'late-payment'],
      ['S001', 'held', 'late-payment'],
      ['S001', 'booked', 'late-payment'],
    ]);
    expect(illegalChanges(await sale.ledger())).toEqual([]);
  });

  it('takes over what nobody has released yet, and leaves the old hold to its expiry', async () => {
    const sale = await open();
    const { held, attemptId } = await sale.payLate('ann', ['S000', 'S001']);
    const late = await ask(sale, attemptId, held.holdId);
    expect(late).toMatchObject({ outcome: 'booked' });
    expect(await sale.holdState(held.holdId)).toBe('held');
    expect(await expire(sale.db, sale.eventId, [held.holdId], 'swept')).toMatchObject([
      { outcome: 'expired', seatIds: [] },
    ]);
    const ledger = await sale.ledger();
    expect(ledger.filter(({ seatId }) => seatId === 'S000').map(({ kind, reason }) => [kind, reason])).toEqual([
      ['held', null],
      ['expired', 'taken-over'],
      ['held', 'late-payment'],
      ['booked', 'late-payment'],
    ]);
    expect(illegalChanges(ledger)).toEqual([]);
    expect(Object.values(await sale.seats()).filter(({ state }) => state === 'booked').length).toBe(2);
  });

  it('is answered alike when it is repeated, whatever hold a repeat names as the new one', async () => {
    const sale = await open();
    const { held, attemptId } = await sale.payLate('ann', ['S000']);
    const first = await ask(sale, attemptId, held.holdId);
    if (first.outcome !== 'booked') throw new Error(first.reason);
    const before = await sale.ledger();
    expect(await ask(sale, attemptId, held.holdId)).toMatchObject({
      outcome: 'booked',
      replayed: true,
      holdId: first.holdId,
      seatIds: ['S000'],
    });
    expect(await sale.ledger()).toEqual(before);
  });

  it('closes the front door, even where book never came: no late book, begin or end of the attempt wins', async () => {
    const sale = await open();
    const { held, attemptId, version } = await sale.payLate('ann', ['S000']);
    const { holdId } = held;
    expect(await ask(sale, attemptId, holdId)).toMatchObject({ outcome: 'booked' });
    const refused = [{ outcome: 'refused', reason: 'expired' }];
    expect(await book(sale.db, sale.eventId, [{ attemptId, holdId, version }])).toMatchObject(refused);
    expect(await beginPayment(sale.db, sale.eventId, [{ attemptId, holdId, buyerId: 'ann' }])).toMatchObject(refused);
    expect(await endPayment(sale.db, sale.eventId, [{ attemptId, holdId, reason: 'x' }])).toEqual([
      { outcome: 'booked' },
    ]);
  });

  it('may still come after the attempt was given up, and is not called late where the fence was won', async () => {
    const sale = await open();
    const { held, attemptId } = await sale.payLate('ann', ['S000']);
    await endPayment(sale.db, sale.eventId, [{ attemptId, holdId: held.holdId, reason: 'expired' }]);
    expect(await ask(sale, attemptId, held.holdId)).toMatchObject({ outcome: 'booked', replayed: false });

    const punctual = await sale.hold('bob', ['S001']);
    const booked = await sale.book(punctual);
    expect(await ask(sale, booked.attemptId, punctual.holdId)).toMatchObject({
      outcome: 'booked',
      replayed: true,
      holdId: punctual.holdId,
    });
  });

  it('can be given back like any other booking', async () => {
    const sale = await open();
    const { held, attemptId } = await sale.payLate('ann', ['S000', 'S001']);
    const late = await ask(sale, attemptId, held.holdId);
    if (late.outcome !== 'booked') throw new Error(late.reason);
    const request = { attemptId, holdId: late.holdId, reason: 'capture-refused' };
    expect(await unbook(sale.db, sale.eventId, [{ ...request, holdId: held.holdId }])).toEqual([
      { outcome: 'refused', reason: 'not-booked' },
    ]);
    expect(await unbook(sale.db, sale.eventId, [request])).toMatchObject([
      { outcome: 'unbooked', seatIds: ['S000', 'S001'] },
    ]);
    expect(await sale.holdState(late.holdId)).toBe('unbooked');
    expect(await ask(sale, attemptId, held.holdId)).toMatchObject({ outcome: 'refused', reason: 'unbooked' });
  });
});

/** What stands in the way of a late payment, and the way it is brought about. */
const obstacles: Record<
  string,
  { sale?: Partial<SaleSettings>; arrange: (sale: Sale, held: Hold, attemptId: string) => Promise<unknown> }
> = {
  'not-allowed': { sale: { latePayment: 'void' }, arrange: (sale, { holdId }) => sale.runOut(holdId) },
  'not-expired': { arrange: () => Promise.resolve() },
  ended: {
    arrange: (sale, { holdId }) => release(sale.db, sale.eventId, [{ holdId, buyerId: 'ann' }]),
  },
  'not-on-sale': {
    arrange: async (sale, { holdId }) => {
      await sale.runOut(holdId);
      await closeEvent(sale.db, sale.eventId, 'org');
    },
  },
  'seats-taken': {
    arrange: async (sale, { holdId }) => {
      await sale.runOut(holdId);
      await sale.hold('bob', ['S001']);
    },
  },
  'buyer-limit': {
    sale: { seatsPerBuyerMax: 2 },
    arrange: async (sale, { holdId }) => {
      await sale.runOut(holdId);
      await sale.hold('ann', ['S002']);
    },
  },
};

describe('a late payment is refused for good', () => {
  it.each(Object.entries(obstacles))('%s: nothing changes, and a repeat finds it', async (reason, obstacle) => {
    const sale = await open(4, obstacle.sale);
    const held = await sale.hold('ann', ['S000', 'S001']);
    const { attemptId, version } = await sale.pay(held);
    await obstacle.arrange(sale, held, attemptId);
    const before = await sale.seats();
    const refused = { outcome: 'refused', reason };
    expect(await ask(sale, attemptId, held.holdId)).toMatchObject(refused);
    expect(await sale.seats()).toEqual(before);

    // Whatever stood in the way is gone; what was answered stays.
    await sale.db.query(
      `UPDATE inventory.events SET late_payment = 'same-seats-if-free', closed_at = NULL, seats_per_buyer_max = 9
        WHERE event_id = $1`,
      [sale.eventId],
    );
    await sale.db.query(`UPDATE inventory.seats SET deadline = now() WHERE event_id = $1 AND state = 'held'`, [
      sale.eventId,
    ]);
    await sale.db.query(`UPDATE inventory.holds SET deadline = now() WHERE event_id = $1`, [sale.eventId]);
    expect(await ask(sale, attemptId, held.holdId)).toMatchObject(refused);
    const command = { attemptId, holdId: held.holdId, version };
    expect(await book(sale.db, sale.eventId, [command])).toMatchObject([{ outcome: 'refused' }]);
    expect((await sale.ledger()).filter(({ kind }) => kind === 'booked')).toEqual([]);
  });

  it('outside the sale’s time, and where the house has blocked a seat', async () => {
    const over = await open(1);
    const late = await over.payLate('ann', ['S000']);
    await over.db.query(
      `UPDATE inventory.events SET sale_starts_at = now() - interval '1 hour', sale_ends_at = now() - interval '1 second'
        WHERE event_id = $1`,
      [over.eventId],
    );
    expect(await ask(over, late.attemptId, late.held.holdId)).toMatchObject({ reason: 'not-on-sale' });

    const sale = await open(2);
    const { held, attemptId } = await sale.payLate('ann', ['S000', 'S001']);
    await block(sale.db, sale.eventId, {
      organiserId: 'org',
      key: newId(),
      bodyHash: hash('b'),
      seatIds: ['S001'],
    });
    expect(await ask(sale, attemptId, held.holdId)).toMatchObject({ reason: 'seats-taken' });
    expect((await sale.seats())['S000']).toMatchObject({ state: 'held', holdId: held.holdId });
  });

  it('by an attempt that never began, or on another hold, and by a hold that there is or never was', async () => {
    const sale = await open();
    const { held, attemptId } = await sale.payLate('ann', ['S000']);
    const other = await sale.payLate('ann', ['S001']);
    expect(await ask(sale, newId(), held.holdId)).toMatchObject({ reason: 'not-begun' });
    expect(await ask(sale, newId(), newId())).toMatchObject({ reason: 'unknown-hold' });
    expect(await ask(sale, attemptId, other.held.holdId)).toMatchObject({ reason: 'unknown-hold' });
    expect(await ask(sale, other.attemptId, other.held.holdId, held.holdId)).toMatchObject({ reason: 'hold-id-used' });
    expect(Object.values(await sale.seats()).filter(({ state }) => state === 'booked')).toEqual([]);
  });

  it('by an attempt that ended before it began: the refusal it has is not one of a hold that ran out', async () => {
    const sale = await open();
    const held = await sale.hold('ann', ['S000']);
    const attemptId = newId();
    await endPayment(sale.db, sale.eventId, [{ attemptId, holdId: held.holdId, reason: 'unavailable' }]);
    await sale.runOut(held.holdId);
    expect(await ask(sale, attemptId, held.holdId)).toMatchObject({ reason: 'not-begun' });
  });

  it('while the hold lives: another payment of it may begin, or it may be extended', async () => {
    const sale = await open();
    const held = await sale.hold('ann', ['S000']);
    const { attemptId } = await sale.pay(held);
    expect(await ask(sale, attemptId, held.holdId)).toMatchObject({ reason: 'not-expired' });
    const extension = { holdId: held.holdId, buyerId: 'ann', key: newId(), bodyHash: hash('x'), seconds: 700 };
    expect(await extend(sale.db, sale.eventId, [extension])).toMatchObject([{ outcome: 'extended' }]);
    await sale.book(held);
    expect(await sale.holdState(held.holdId)).toBe('booked');
  });
});
