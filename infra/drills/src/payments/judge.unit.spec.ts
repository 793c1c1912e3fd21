import type { AttemptLine, Books, HoldLine, IntentLine } from './books';
import { judge } from './judge';

const HOLD: HoldLine = { holdId: 'h1', seats: 2, booked: 2, amountMinor: 9_000 };
const ATTEMPT: AttemptLine = {
  attemptId: 'a1',
  holdId: 'h1',
  state: 'captured',
  ended: true,
  setAsideMinor: 0,
  takenMinor: 9_000,
  totalMinor: 0,
  isBreak: false,
};
const INTENT: IntentLine = {
  intentId: 'pi1',
  attemptId: 'a1',
  holdId: 'h1',
  status: 'succeeded',
  authorisedMinor: 9_000,
  capturedMinor: 9_000,
  refundedMinor: 0,
};

const books = (
  changes: { hold?: Partial<HoldLine>; attempt?: Partial<AttemptLine>; intent?: Partial<IntentLine> } = {},
): Books => ({
  holds: [{ ...HOLD, ...changes.hold }],
  attempts: [{ ...ATTEMPT, ...changes.attempt }],
  intents: [{ ...INTENT, ...changes.intent }],
});

const broken = (given: Books) => [...new Set(judge(given).map(({ invariant }) => invariant))];

const NOT_PAID = { status: 'canceled', capturedMinor: 0 };
const NOT_TAKEN = { state: 'voided', takenMinor: 0 };
const SAME_BOOKS = "our books and the provider's say the same";

describe('the judge', () => {
  it('finds nothing in a payment that was captured, and in one that was voided', () => {
    expect(judge(books())).toEqual([]);
    expect(judge(books({ hold: { booked: 0 }, attempt: NOT_TAKEN, intent: NOT_PAID }))).toEqual([]);
  });

  it('finds an attempt without an end', () => {
    const waiting = books({ hold: { booked: 0 }, attempt: { ...NOT_TAKEN, ended: false }, intent: NOT_PAID });
    expect(broken(waiting)).toEqual(['every attempt ends']);
  });

  it('finds who was charged without a seat', () => {
    expect(broken(books({ hold: { booked: 0 } }))).toEqual(['nobody is charged without a seat']);
  });

  it('finds who was charged twice', () => {
    const twice = books();
    twice.intents.push({ ...INTENT, intentId: 'pi2' });
    expect(broken(twice)).toEqual(['nobody is charged without a seat', SAME_BOOKS]);
  });

  it('finds a seat without its charge', () => {
    expect(broken(books({ intent: NOT_PAID }))).toEqual(['no seat is given without its charge', SAME_BOOKS]);
  });

  it('finds a hold that is booked in part', () => {
    expect(broken(books({ hold: { booked: 1 } }))).toContain('a hold is booked as a whole or not at all');
  });

  it('takes a refunded seat for given back', () => {
    expect(
      judge(books({ hold: { booked: 1 }, attempt: { takenMinor: 4_500 }, intent: { refundedMinor: 4_500 } })),
    ).toEqual([]);
  });

  it('finds more captured than authorised, and more refunded than captured', () => {
    expect(broken(books({ intent: { authorisedMinor: 8_000 } }))).toEqual([
      'nothing is captured beyond what was authorised',
    ]);
    expect(broken(books({ intent: { refundedMinor: 9_001 } }))).toContain(
      'nothing is refunded beyond what was captured',
    );
  });

  it('finds money left set aside', () => {
    const open = books({
      hold: { booked: 0 },
      attempt: NOT_TAKEN,
      intent: { status: 'requires_capture', capturedMinor: 0 },
    });
    expect(broken(open)).toEqual(['no money is left set aside']);
  });

  it('finds books that differ, and an intent of nobody', () => {
    expect(broken(books({ attempt: { takenMinor: 4_500 } }))).toEqual([SAME_BOOKS]);
    expect(broken(books({ intent: { attemptId: 'a2' } }))).toEqual([SAME_BOOKS]);
  });

  it('finds money set aside in our own ledger, and a ledger that does not add up', () => {
    expect(broken(books({ attempt: { setAsideMinor: 1 } }))).toEqual(['no money is left set aside']);
    expect(broken(books({ attempt: { totalMinor: 1 } }))).toEqual(['our ledger adds up to nothing']);
  });

  it('leaves to people what a break tells them of', () => {
    expect(judge(books({ hold: { booked: 0 }, attempt: { isBreak: true } }))).toEqual([]);
  });
});
