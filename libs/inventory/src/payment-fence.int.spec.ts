import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { beginPayment, book, endPayment, extend, inventoryMigrations, readHold, release, type Hold } from './index';
import { hash, Sale } from './spec/sale';

let test: TestDatabase;
beforeAll(async () => (test = await testDatabase([inventoryMigrations])));
afterAll(() => test.drop());

const open = (seats = 4, sale = {}): Promise<Sale> => Sale.open(test.database, seats, sale);
const kinds = async (sale: Sale): Promise<string[]> =>
  (await sale.ledger()).map((entry) => `${entry.seatId}@${entry.version} ${entry.kind}`);

describe('payment', () => {
  const begin = async (sale: Sale, holdId: string, attemptId = newId()) =>
    (await beginPayment(sale.db, sale.eventId, [{ attemptId, holdId, buyerId: 'ann' }]))[0];

  it('gives the pay grace once, where little time is left, and the same answer to the same attempt', async () => {
    const sale = await open(1, { payGraceSeconds: 60 });
    const { holdId } = await sale.hold('ann', ['S000']);
    await sale.setDeadline(holdId, 5_000);
    const attemptId = newId();
    const first = await begin(sale, holdId, attemptId);
    if (first?.outcome !== 'begun') throw new Error('refused');
    expect(first).toMatchObject({
      replayed: false,
      version: 2,
      amountMinor: 5_000,
      currency: 'EUR',
      seats: [{ seatId: 'S000', priceMinor: 5_000 }],
      latePayment: 'void',
    });
    const left = first.deadline.getTime() - first.serverTime.getTime();
    expect(left).toBeGreaterThan(59_000);
    expect(left).toBeLessThanOrEqual(60_000);
    expect(await begin(sale, holdId, attemptId)).toMatchObject({
      replayed: true,
      version: 2,
      deadline: first.deadline,
    });

    await endPayment(sale.db, sale.eventId, [{ attemptId, holdId, reason: 'declined' }]);
    await sale.setDeadline(holdId, 5_000);
    const second = await begin(sale, holdId);
    if (second?.outcome !== 'begun') throw new Error('refused');
    expect(second.deadline.getTime() - second.serverTime.getTime()).toBeLessThanOrEqual(5_000);
  });

  it('gives the grace on top of the bound of extensions, and nothing on top of the grace', async () => {
    const sale = await open(1, { holdSeconds: 600, holdSecondsMax: 600, payGraceSeconds: 60 });
    const { holdId } = await sale.hold('ann', ['S000']);
    await sale.setDeadline(holdId, 5_000);
    await sale.db.query(
      `UPDATE inventory.holds SET held_at = deadline - interval '600 seconds' WHERE event_id = $1 AND hold_id = $2`,
      [sale.eventId, holdId],
    );
    const attemptId = newId();
    const first = await begin(sale, holdId, attemptId);
    if (first?.outcome !== 'begun') throw new Error('refused');
    const read = await readHold(sale.db, sale.eventId, holdId, 'ann');
    expect(read?.hold).toMatchObject({ deadline: first.deadline, version: 2 });
    const livedMs = first.deadline.getTime() - (read?.hold.createdAt.getTime() ?? 0);
    expect(livedMs).toBeGreaterThan(600_000);
    expect(livedMs).toBeLessThanOrEqual(660_000);

    await endPayment(sale.db, sale.eventId, [{ attemptId, holdId, reason: 'declined' }]);
    const extension = { holdId, buyerId: 'ann', key: newId(), bodyHash: hash('x'), seconds: 3_600 };
    expect(await extend(sale.db, sale.eventId, [extension])).toMatchObject([{ outcome: 'no-extensions-left' }]);
    expect(await begin(sale, holdId)).toMatchObject({ outcome: 'begun', deadline: first.deadline, version: 2 });
    expect(await kinds(sale)).toEqual(['S000@1 held', 'S000@2 extended']);
  });

  it('gives no grace where enough time is left, and then no seat changes', async () => {
    const sale = await open(1);
    const { holdId } = await sale.hold('ann', ['S000']);
    expect(await begin(sale, holdId)).toMatchObject({ outcome: 'begun', version: 1 });
    expect(await kinds(sale)).toEqual(['S000@1 held']);
  });

  it('books once; a repeat has the same answer, also after the deadline', async () => {
    const sale = await open(2);
    const held = await sale.hold('ann', ['S000', 'S001']);
    const { attemptId, version } = await sale.book(held);
    await sale.db.query(`UPDATE inventory.holds SET deadline = now() - interval '1 hour' WHERE hold_id = $1`, [
      held.holdId,
    ]);
    const again = await book(sale.db, sale.eventId, [{ attemptId, holdId: held.holdId, version }]);
    expect(again).toMatchObject([{ outcome: 'booked', replayed: true, version: 2, seatIds: ['S000', 'S001'] }]);
    expect(await sale.holdState(held.holdId)).toBe('booked');
    expect((await kinds(sale)).filter((line) => line.endsWith('booked'))).toEqual(['S000@2 booked', 'S001@2 booked']);
  });

  for (const [why, spoil] of Object.entries({
    expired: (sale: Sale, held: Hold) => sale.runOut(held.holdId),
    ended: (sale: Sale, held: Hold) => release(sale.db, sale.eventId, [{ holdId: held.holdId, buyerId: 'ann' }]),
    'stale-version': (sale: Sale, held: Hold) =>
      sale.db.query('UPDATE inventory.holds SET version = version + 1 WHERE hold_id = $1', [held.holdId]),
    'taken-over': (sale: Sale) =>
      // A seat that no longer carries the hold although the hold looks alive: cannot happen by the verbs, must not book.
      sale.db.query(`UPDATE inventory.seats SET hold_id = $2 WHERE event_id = $1 AND seat_id = 'S001'`, [
        sale.eventId,
        newId(),
      ]),
  })) {
    it(`is refused for good when the hold is ${why}, and nothing is booked`, async () => {
      const sale = await open(2);
      const held = await sale.hold('ann', ['S000', 'S001']);
      const attemptId = newId();
      await begin(sale, held.holdId, attemptId);
      await spoil(sale, held);
      const request = { attemptId, holdId: held.holdId, version: 1 };
      expect(await book(sale.db, sale.eventId, [request])).toMatchObject([{ outcome: 'refused', reason: why }]);
      expect(await book(sale.db, sale.eventId, [request])).toMatchObject([{ outcome: 'refused', reason: why }]);
      expect((await kinds(sale)).filter((line) => line.endsWith('booked'))).toEqual([]);
    });
  }

  it('that was given up stays refused: a late book finds it, the hold lives on and can be paid anew', async () => {
    const sale = await open(1);
    const held = await sale.hold('ann', ['S000']);
    const attemptId = newId();
    await begin(sale, held.holdId, attemptId);
    const end = { attemptId, holdId: held.holdId, reason: 'card-declined' };
    expect(await endPayment(sale.db, sale.eventId, [end])).toEqual([{ outcome: 'ended', replayed: false }]);
    expect(await endPayment(sale.db, sale.eventId, [end])).toEqual([{ outcome: 'ended', replayed: true }]);
    const late = await book(sale.db, sale.eventId, [{ attemptId, holdId: held.holdId, version: 1 }]);
    expect(late).toMatchObject([{ outcome: 'refused', reason: 'card-declined' }]);
    expect(await begin(sale, held.holdId, attemptId)).toMatchObject({ outcome: 'refused', reason: 'card-declined' });
    await sale.book(held);
    expect(await sale.holdState(held.holdId)).toBe('booked');
  });

  it('that is booked cannot be given up', async () => {
    const sale = await open(1);
    const held = await sale.hold('ann', ['S000']);
    const { attemptId } = await sale.book(held);
    const end = { attemptId, holdId: held.holdId, reason: 'late' };
    expect(await endPayment(sale.db, sale.eventId, [end])).toEqual([{ outcome: 'booked' }]);
    expect(await sale.holdState(held.holdId)).toBe('booked');
  });
});
