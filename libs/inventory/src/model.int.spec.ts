import { testDatabase, type TestDatabase } from '@holdfast/testing';
import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import {
  beginPayment,
  book,
  endPayment,
  expire,
  extend,
  hold,
  inventoryMigrations,
  lateBook,
  release,
  unbook,
} from './index';
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
  latePayment: 'same-seats-if-free' as const,
};

const buyer = fc.constantFrom('ann', 'bob');
const seats = fc.uniqueArray(fc.constantFrom('S000', 'S001', 'S002', 'S003', 'S004'), {
  minLength: 1,
  maxLength: 4,
  size: 'xsmall',
});
/** Which hold; early ones more often, so that histories meet. */
const nth = fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(6) });
/** The hold taken last, its buyer, and the attempt that carries its number. */
const LAST = -1;
const someBuyer = fc.option(buyer, { nil: undefined });
const attempt = fc.oneof({ weight: 3, arbitrary: fc.constant(LAST) }, { weight: 1, arbitrary: fc.nat(6) });
const ticks = fc.integer({ min: 1, max: 3 });
const refund = fc.option(fc.nat(2), { nil: undefined });
const someSeats = fc.option(seats, { nil: undefined });

type Step =
  | { do: 'hold'; buyer: string; key: number; seats: string[] }
  | { do: 'extend'; nth: number; buyer?: string; seconds: number }
  | { do: 'release'; nth: number; buyer?: string }
  | { do: 'expire'; nth: number }
  | { do: 'begin'; nth: number; buyer?: string; attempt: number }
  | { do: 'book'; nth: number; attempt: number; stale: boolean }
  | { do: 'late' | 'end'; nth: number; attempt: number }
  | { do: 'unbook'; nth: number; attempt: number; refund?: number; seats?: string[] }
  | { do: 'wait'; ticks: number };

const is = <T extends Step['do']>(verb: T): fc.Arbitrary<T> => fc.constant(verb);
const taking = fc.record({ do: is('hold'), buyer, key: fc.nat(12), seats });
const waiting = fc.record({ do: is('wait'), ticks });

const anything: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: taking },
  {
    weight: 2,
    arbitrary: fc.record({ do: is('extend'), buyer: someBuyer, nth, seconds: fc.constantFrom(1, 705) }),
  },
  { weight: 2, arbitrary: fc.record({ do: is('release'), buyer: someBuyer, nth }) },
  { weight: 2, arbitrary: fc.record({ do: is('expire'), nth }) },
  { weight: 2, arbitrary: fc.record({ do: is('begin'), buyer: someBuyer, nth, attempt }) },
  { weight: 2, arbitrary: fc.record({ do: is('book'), nth, attempt, stale: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: is('late'), nth, attempt }) },
  { weight: 1, arbitrary: fc.record({ do: is('end'), nth, attempt }) },
  { weight: 2, arbitrary: fc.record({ do: is('unbook'), nth, attempt, refund, seats: someSeats }) },
  { weight: 2, arbitrary: waiting },
);

/** Steps that come to something only in this order, which chance seldom finds; others may come between. */
const last = { nth: LAST, attempt: LAST };
const paying: fc.Arbitrary<Step[]> = fc
  .tuple(taking, fc.option(anything), fc.option(waiting), fc.option(anything), refund, someSeats)
  .map(([take, first, wait, second, refund, seats]) => [
    take,
    { do: 'begin', ...last },
    ...[first, wait, second].filter((step) => step !== null),
    { do: 'book', ...last, stale: false },
    { do: 'late', ...last },
    { do: 'unbook', ...last, refund, seats },
  ]);

const history = fc
  .array(fc.oneof({ weight: 3, arbitrary: anything.map((step) => [step]) }, { weight: 1, arbitrary: paying }), {
    minLength: 12,
    maxLength: 40,
    size: 'max',
  })
  .map((chapters) => chapters.flat());

/** What chance finds in most runs but not in all: a refund that comes twice, and late money that comes twice. */
const seldom: Step[] = [
  { do: 'hold', buyer: 'ann', key: 0, seats: ['S000'] },
  { do: 'hold', buyer: 'ann', key: 0, seats: ['S000'] },
  { do: 'begin', nth: 0, attempt: 0 },
  { do: 'book', nth: 0, attempt: 0, stale: false },
  { do: 'unbook', nth: 0, attempt: 0, refund: 0 },
  { do: 'unbook', nth: 0, attempt: 0, refund: 0 },
  { do: 'unbook', nth: 0, attempt: 0, refund: 1 },
  { do: 'hold', buyer: 'bob', key: 1, seats: ['S001'] },
  { do: 'begin', nth: 1, attempt: 1 },
  { do: 'wait', ticks: 3 },
  { do: 'book', nth: 1, attempt: 1, stale: false },
  { do: 'expire', nth: 1 },
  { do: 'late', nth: 1, attempt: 1 },
  { do: 'late', nth: 1, attempt: 1 },
];

/** The step with its hold, buyer and attempt named; undefined while there is no such hold. */
function placed(step: Step, { holds }: ModelSale): (Step & { buyer: string }) | undefined {
  if (!('nth' in step)) return { buyer: '', ...step };
  const nth = step.nth === LAST ? holds.length - 1 : step.nth;
  const hold = holds[nth];
  const named = 'attempt' in step && step.attempt === LAST ? { nth, attempt: nth } : { nth };
  return hold && { ...step, ...named, buyer: ('buyer' in step ? step.buyer : undefined) ?? hold.buyer };
}

let test: TestDatabase;
beforeAll(async () => (test = await testDatabase([inventoryMigrations])));
afterAll(() => test.drop());

/** The same history told to Postgres; time moves by moving every deadline back. */
class RealSale {
  readonly holdIds: string[] = [];
  private readonly attemptIds: string[] = [];
  private readonly refundIds = [newId(), newId(), newId()];

  constructor(private readonly sale: Sale) {}

  async run(one: Step & { buyer: string }, version: number): Promise<string> {
    const { db, eventId } = this.sale;
    const holdId = ('nth' in one ? this.holdIds[one.nth] : undefined) ?? '';
    const attemptId = 'attempt' in one ? (this.attemptIds[one.attempt] ??= newId()) : '';
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
      case 'late': {
        const outcome = await lateBook(db, eventId, { attemptId, holdId, newHoldId: newId() });
        if (outcome.outcome === 'booked' && !outcome.replayed) this.holdIds.push(outcome.holdId);
        if (outcome.outcome === 'refused') return word(outcome);
        return `booked${outcome.replayed ? ' again' : ''} ${this.holdIds.indexOf(outcome.holdId)}`;
      }
      case 'end':
        return word((await endPayment(db, eventId, [{ attemptId, holdId, reason: 'given-up' }]))[0]);
      case 'unbook':
        return this.unbook(holdId, attemptId, one);
      case 'wait':
        await this.passTime(one.ticks * TICK_SECONDS);
        return 'waited';
    }
  }

  private async unbook(holdId: string, attemptId: string, one: { refund?: number; seats?: string[] }): Promise<string> {
    const refundId = one.refund === undefined ? undefined : this.refundIds[one.refund];
    const request = { attemptId, holdId, refundId, reason: 'refunded', seatIds: one.seats };
    const [outcome] = await unbook(this.sale.db, this.sale.eventId, [request]);
    return word(outcome) + (outcome?.outcome === 'unbooked' && outcome.replayed ? ' again' : '');
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

function ask(model: ModelSale, one: Step & { buyer: string }, version: number): string {
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
    case 'late': {
      const [outcome, number] = model.lateBook(one.nth, one.attempt);
      return outcome + (number === undefined ? '' : ` ${number}`);
    }
    case 'end':
      return model.endPayment(one.nth, one.attempt);
    case 'unbook':
      return model.unbook(one.nth, one.attempt, one.refund, one.seats);
    case 'wait':
      model.now += one.ticks * TICK_SECONDS;
      return 'waited';
  }
}

it('any history ends the same in Postgres and in a plain model, seat by seat and answer by answer', async () => {
  const words = new Set<string>();
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const sale = await Sale.open(test.database, 5, SETTINGS);
      const real = new RealSale(sale);
      const model = new ModelSale(sale.seatIds, SETTINGS);
      for (const step of steps) {
        const one = placed(step, model);
        if (!one) continue;
        const begunUnder = 'attempt' in one ? model.fences.get(one.attempt)?.version : undefined;
        const version = (begunUnder ?? 1) + (one.do === 'book' && one.stale ? 7 : 0);
        const told = ask(model, one, version);
        expect([one, await real.run(one, version)]).toEqual([one, told]);
        words.add(`${one.do}: ${told.replace(/ \d+$/, '')}`);
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
    { numRuns: 100, examples: [[seldom]] },
  );
  // Histories that never book or take over would prove little.
  expect([...words]).toEqual(
    expect.arrayContaining([
      ...['hold: held again', 'begin: begun', 'book: booked', 'book: expired', 'expire: expired'],
      ...[
        'late: booked',
        'late: booked again',
        'unbook: unbooked',
        'unbook: unbooked again',
        'unbook: already-unbooked',
      ],
    ]),
  );
});
