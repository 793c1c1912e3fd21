import { testDatabase, type TestDatabase } from '@holdfast/testing';
import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { beginPayment, book, endPayment, expire, extend, hold, inventoryMigrations, release, unbook } from './index';
import { illegalChanges } from './spec/legal-life';
import { ModelSale } from './spec/model-sale';
import { hash, Sale } from './spec/sale';

/** Seconds by which time moves. No deadline the settings can make is a multiple of it, so nothing is ever due just now. */
const TICK_SECONDS = 250;
const SETTINGS = {
  holdSeconds: 610,
  holdSecondsMax: 1_310,
  extensionsMax: 2,
  seatsPerHoldMax: 3,
  seatsPerBuyerMax: 4,
  payGraceSeconds: 120,
};

const buyer = fc.constantFrom('ann', 'bob');
const seats = fc.uniqueArray(fc.constantFrom('S000', 'S001', 'S002', 'S003', 'S004'), {
  minLength: 1,
  maxLength: 4,
  size: 'xsmall',
});
/** Which hold; early ones more often, so that histories meet. */
const nth = fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(6) });
const attempt = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) });

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('hold' as const), buyer, key: fc.nat(8), seats }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('extend' as const), buyer, nth, seconds: fc.constantFrom(1, 705) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), buyer, nth }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expire' as const), nth }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('begin' as const), buyer, nth, attempt }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('book' as const),
      nth,
      attempt,
      stale: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), nth, attempt }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unbook' as const), nth, attempt, seats: fc.option(seats) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ticks: fc.integer({ min: 1, max: 3 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

let test: TestDatabase;
beforeAll(async () => (test = await testDatabase([inventoryMigrations])));
afterAll(() => test.drop());

/** The same history told to Postgres; time moves by moving every deadline back. */
class RealSale {
  readonly holdIds: string[] = [];
  private readonly attemptIds = [newId(), newId(), newId(), newId()];

  constructor(private readonly sale: Sale) {}

  async run(one: Step, version: number): Promise<string> {
    const { db, eventId } = this.sale;
    const holdId = ('nth' in one ? this.holdIds[one.nth] : undefined) ?? '';
    const attemptId = ('attempt' in one ? this.attemptIds[one.attempt] : undefined) ?? '';
    switch (one.do) {
      case 'hold': {
        const request = {
          holdId: newId(),
          buyerId: one.buyer,
          key: `key-${one.key}`,
          bodyHash: hash(one.seats.join()),
          seatIds: one.seats,
        };
        const [outcome] = await hold(db, eventId, [request]);
        if (outcome?.outcome !== 'held') return outcome?.outcome ?? '';
        if (!outcome.replayed) this.holdIds.push(outcome.hold.holdId);
        return outcome.replayed ? 'held again' : 'held';
      }
      case 'extend': {
        const request = { holdId, buyerId: one.buyer, key: newId(), bodyHash: hash('x'), seconds: one.seconds };
        return word((await extend(db, eventId, [request]))[0]);
      }
      case 'release':
        return word((await release(db, eventId, [{ holdId, buyerId: one.buyer }]))[0]);
      case 'expire':
        return word((await expire(db, eventId, [holdId], 'due'))[0]);
      case 'begin':
        return word((await beginPayment(db, eventId, [{ attemptId, holdId, buyerId: one.buyer }]))[0]);
      case 'book':
        return word((await book(db, eventId, [{ attemptId, holdId, version }]))[0]);
      case 'end':
        return word((await endPayment(db, eventId, [{ attemptId, holdId, reason: 'given-up' }]))[0]);
      case 'unbook':
        return word(
          (await unbook(db, eventId, [{ attemptId, holdId, reason: 'refund', seatIds: one.seats ?? undefined }]))[0],
        );
      case 'wait':
        await this.passTime(one.ticks * TICK_SECONDS);
        return 'waited';
    }
  }

  private async passTime(seconds: number): Promise<void> {
    const back = `$2 * interval '1 second'`;
    await this.sale.db.query(
      `WITH s AS (UPDATE inventory.seats SET deadline = deadline - ${back} WHERE event_id = $1 AND deadline IS NOT NULL)
       UPDATE inventory.holds SET deadline = deadline - ${back}, held_at = held_at - ${back} WHERE event_id = $1`,
      [this.sale.eventId, seconds],
    );
  }
}

function word(outcome: { outcome: string; reason?: string } | undefined): string {
  return outcome?.outcome === 'refused' ? (outcome.reason ?? '') : (outcome?.outcome ?? '');
}

function ask(model: ModelSale, one: Step, version: number): string {
  switch (one.do) {
    case 'hold':
      return model.hold(one.buyer, `key-${one.key}`, one.seats)[0];
    case 'extend':
      return model.extend(one.buyer, one.nth, one.seconds);
    case 'release':
      return model.release(one.buyer, one.nth);
    case 'expire':
      return model.expire(one.nth);
    case 'begin':
      return model.beginPayment(one.buyer, one.nth, one.attempt);
    case 'book':
      return model.book(one.nth, one.attempt, version);
    case 'end':
      return model.endPayment(one.nth, one.attempt);
    case 'unbook':
      return model.unbook(one.nth, one.attempt, one.seats ?? []);
    case 'wait':
      model.now += one.ticks * TICK_SECONDS;
      return 'waited';
  }
}

it('any history ends the same in Postgres and in a plain model, seat by seat and answer by answer', async () => {
  const words = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), async (history) => {
      const sale = await Sale.open(test.database, 5, SETTINGS);
      const real = new RealSale(sale);
      const model = new ModelSale(sale.seatIds, SETTINGS);
      for (const one of history) {
        if ('nth' in one && one.nth >= model.holds.length) continue;
        const begunUnder = 'attempt' in one ? model.fences.get(one.attempt)?.version : undefined;
        const version = (begunUnder ?? 1) + (one.do === 'book' && one.stale ? 7 : 0);
        const told = ask(model, one, version);
        expect([one, await real.run(one, version)]).toEqual([one, told]);
        words.add(`${one.do}: ${told}`);
      }
      const seatsTold = [...model.seats].map(([seatId, { state, hold: number, version }]) => [
        seatId,
        { state, version, holdId: number === undefined ? null : real.holdIds[number] },
      ]);
      expect(await sale.seats()).toEqual(Object.fromEntries(seatsTold));
      for (const [number, told] of model.holds.entries()) {
        expect(await sale.holdState(real.holdIds[number] ?? '')).toBe(told.state);
      }
      expect(illegalChanges(await sale.ledger())).toEqual([]);
    }),
    { numRuns: 100 },
  );
  // Histories that never book or take over would prove little.
  expect([...words]).toEqual(
    expect.arrayContaining(['hold: held again', 'book: booked', 'begin: begun', 'expire: expired']),
  );
});
