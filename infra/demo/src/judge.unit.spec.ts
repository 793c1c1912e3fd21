import type { Evidence, HoldLine, LedgerLine } from './evidence';
import { judge, type Faults } from './judge';

const DEADLINE = 10_000;
const PRICE = 500;

/** An innocent event: A booked and paid, B expired a little late, C released; seat 4 was never touched. */
function innocent(): Evidence {
  const entries: [seatId: string, kind: LedgerLine['kind'], holdId: string, atMs: number, reason?: string][] = [
    ['1', 'held', 'A', 1_000],
    ['2', 'held', 'A', 1_000],
    ['3', 'held', 'B', 2_000],
    ['1', 'booked', 'A', 3_000],
    ['2', 'booked', 'A', 3_000],
    ['3', 'expired', 'B', DEADLINE + 12.5, 'due'],
    ['3', 'held', 'C', DEADLINE + 20],
    ['3', 'released', 'C', DEADLINE + 30],
  ];
  const versions = new Map<string, number>();
  const ledger = entries.map(([seatId, kind, holdId, atMs, reason], nth): LedgerLine => {
    const version = (versions.get(seatId) ?? 0) + 1;
    versions.set(seatId, version);
    return { seatId, version, kind, holdId, reason: reason ?? null, atMs, seq: nth + 1 };
  });
  const hold = (holdId: string, state: HoldLine['state'], seatIds: string[], deadlineMs = DEADLINE): HoldLine => ({
    ...{ holdId, state, seatIds, deadlineMs },
    replacesHoldId: null,
  });
  return {
    nowMs: 3 * DEADLINE,
    ledger,
    seats: [
      { seatId: '1', state: 'booked', version: 2, holdId: 'A', priceMinor: PRICE },
      { seatId: '2', state: 'booked', version: 2, holdId: 'A', priceMinor: PRICE },
      { seatId: '3', state: 'available', version: 4, holdId: null, priceMinor: PRICE },
      { seatId: '4', state: 'available', version: 0, holdId: null, priceMinor: PRICE },
    ],
    holds: [hold('A', 'booked', ['1', '2']), hold('B', 'expired', ['3']), hold('C', 'released', ['3'], 2 * DEADLINE)],
    intents: [
      { intentId: 'pi_declined', holdId: 'A', status: 'requires_payment_method', takenMinor: 0 },
      { intentId: 'pi_paid', holdId: 'A', status: 'succeeded', takenMinor: 2 * PRICE },
      { intentId: 'pi_late', holdId: 'B', status: 'canceled', takenMinor: 0 },
    ],
  };
}

const NONE: Faults = {
  doubleBooked: 0,
  chargedWithoutSeat: 0,
  seatWithoutCharge: 0,
  neverReleased: 0,
  earlyReleases: 0,
  brokenHistories: 0,
  leftSetAside: 0,
};

const entry = (evidence: Evidence, seq: number) => evidence.ledger.find((line) => line.seq === seq)!;
const hold = (evidence: Evidence, holdId: string) => evidence.holds.find((line) => line.holdId === holdId)!;

/** Adds an entry at the end of the ledger and of its seat's life. */
function tell(evidence: Evidence, seatId: string, kind: LedgerLine['kind'], holdId: string, atMs: number): void {
  const seat = evidence.seats.find((line) => line.seatId === seatId)!;
  seat.version++;
  evidence.ledger.push({
    ...{ seatId, kind, holdId, atMs },
    version: seat.version,
    reason: null,
    seq: evidence.ledger.length + 1,
  });
}

describe('the judge', () => {
  it('finds nothing where nothing is wrong, and counts how holds ended', () => {
    expect(judge(innocent())).toEqual({
      faults: NONE,
      findings: [],
      held: 3,
      booked: 1,
      expired: 1,
      released: 1,
      sweptReleases: 0,
      latenessMs: [12.5],
    });
  });

  it('counts what the sweeper found as a part of what expired', () => {
    const evidence = innocent();
    entry(evidence, 6).reason = 'swept';
    expect(judge(evidence)).toMatchObject({ faults: NONE, expired: 1, sweptReleases: 1 });
  });

  it('knows a run-out seat that somebody took over from a larger hold', () => {
    const evidence = innocent();
    hold(evidence, 'B').seatIds = ['3', '4'];
    tell(evidence, '4', 'held', 'B', 2_000);
    tell(evidence, '4', 'expired', 'B', DEADLINE + 40);
    expect(judge(evidence)).toMatchObject({ faults: NONE, expired: 1, latenessMs: [40] });
  });

  it('knows money that was given back', () => {
    const evidence = innocent();
    evidence.intents.push({ intentId: 'pi_refunded', holdId: 'B', status: 'succeeded', takenMinor: 0 });
    expect(judge(evidence).faults).toEqual(NONE);
  });

  it('knows seats given back one by one with their price, and seats that a late payment took again', () => {
    const evidence = innocent();
    tell(evidence, '2', 'unbooked', 'A', 4_000);
    Object.assign(evidence.seats[1]!, { state: 'available', holdId: null });
    Object.assign(evidence.intents[1]!, { takenMinor: PRICE });

    tell(evidence, '3', 'held', 'D', DEADLINE + 50);
    tell(evidence, '3', 'booked', 'D', DEADLINE + 50);
    Object.assign(evidence.seats[2]!, { state: 'booked', holdId: 'D' });
    evidence.holds.push({ ...hold(evidence, 'C'), holdId: 'D', state: 'booked', replacesHoldId: 'B' });
    Object.assign(evidence.intents[2]!, { status: 'succeeded', takenMinor: PRICE });
    expect(judge(evidence).findings).toEqual([]);
  });

  type Plant = [fault: keyof Faults, what: string, plant: (evidence: Evidence) => void];

  it.each<Plant>([
    [
      'doubleBooked',
      'a seat held for a second buyer while the first has it',
      (evidence) => {
        evidence.ledger = evidence.ledger.filter(({ seq }) => seq !== 6);
        entry(evidence, 7).version = 2;
      },
    ],
    [
      'doubleBooked',
      'a seat booked by a second hold',
      (evidence) => {
        tell(evidence, '1', 'booked', 'C', DEADLINE + 25);
        evidence.seats[0]!.holdId = 'C';
      },
    ],
    ['doubleBooked', 'a booked seat held again', (evidence) => tell(evidence, '2', 'held', 'C', DEADLINE + 25)],
    ['earlyReleases', 'a release a microsecond early', (evidence) => (entry(evidence, 6).atMs = DEADLINE - 0.001)],
    ['earlyReleases', 'a release before the extended deadline', (evidence) => (hold(evidence, 'B').deadlineMs += 100)],
    [
      'chargedWithoutSeat',
      'a late payer who was charged',
      ({ intents }) => Object.assign(intents[2]!, { status: 'succeeded', takenMinor: PRICE }),
    ],
    [
      'chargedWithoutSeat',
      'a buyer charged twice',
      ({ intents }) => intents.push({ intentId: 'pi_again', holdId: 'A', status: 'succeeded', takenMinor: 1_000 }),
    ],
    [
      'chargedWithoutSeat',
      'a charge for a hold that never was',
      ({ intents }) => intents.push({ intentId: 'pi_ghost', holdId: 'ghost', status: 'succeeded', takenMinor: 1 }),
    ],
    [
      'chargedWithoutSeat',
      'a charge for a booking of which one seat is gone',
      (evidence) => {
        tell(evidence, '2', 'unbooked', 'A', 4_000);
        Object.assign(evidence.seats[1]!, { state: 'available', holdId: null });
      },
    ],
    ['seatWithoutCharge', 'a booking nobody paid', ({ intents }) => (intents[1]!.takenMinor = 0)],
    ['seatWithoutCharge', 'a booking paid in part', ({ intents }) => (intents[1]!.takenMinor = PRICE)],
    [
      'neverReleased',
      'a hold beyond its deadline',
      (evidence) => {
        evidence.ledger = evidence.ledger.filter(({ seatId, version }) => seatId !== '3' || version === 1);
        evidence.holds = evidence.holds.filter(({ holdId }) => holdId !== 'C');
        for (const [nth, line] of evidence.ledger.entries()) line.seq = nth + 1;
        Object.assign(evidence.seats[2]!, { state: 'held', holdId: 'B', version: 1 });
        hold(evidence, 'B').state = 'held';
      },
    ],
    ['neverReleased', 'a hold row that was never closed', (evidence) => (hold(evidence, 'B').state = 'held')],
    ['leftSetAside', 'money set aside for ever', ({ intents }) => (intents[2]!.status = 'requires_capture')],
    ['brokenHistories', 'a released seat released again', (evidence) => tell(evidence, '3', 'released', 'C', 10_040)],
    ['brokenHistories', 'a hold that expired twice', (evidence) => tell(evidence, '3', 'expired', 'B', 10_040)],
    ['brokenHistories', 'a booking after the deadline', (evidence) => (hold(evidence, 'A').deadlineMs = 2_500)],
    ['brokenHistories', 'a seat that says other than its ledger', ({ seats }) => (seats[3]!.state = 'blocked')],
    ['brokenHistories', 'a version without an entry', ({ seats }) => (seats[3]!.version = 1)],
    ['brokenHistories', 'a version that did not rise', (evidence) => (entry(evidence, 8).version = 3)],
    ['brokenHistories', 'time that went back', (evidence) => (entry(evidence, 8).atMs = DEADLINE + 15)],
    ['brokenHistories', 'a gap in the sequence', (evidence) => (entry(evidence, 8).seq = 9)],
    ['brokenHistories', 'an entry without number', (evidence) => (entry(evidence, 8).seq = null)],
    [
      'brokenHistories',
      'an order that the seat did not live',
      (evidence) => {
        const [sixth, seventh] = [entry(evidence, 6), entry(evidence, 7)];
        [sixth.seq, seventh.seq] = [7, 6];
      },
    ],
    [
      'brokenHistories',
      'a hold that got a part of its seats',
      (evidence) => (hold(evidence, 'C').seatIds = ['3', '4']),
    ],
    [
      'brokenHistories',
      'an entry of no hold',
      (evidence) => (evidence.holds = evidence.holds.filter(({ holdId }) => holdId !== 'C')),
    ],
    ['brokenHistories', 'a hold row that says booked', (evidence) => (hold(evidence, 'C').state = 'booked')],
  ])('finds %s: %s', (fault, _, plant) => {
    const evidence = innocent();
    plant(evidence);
    const { faults, findings } = judge(evidence);
    expect(faults[fault]).toBeGreaterThan(0);
    expect(findings.join('\n')).toContain(`${fault}: `);
  });
});
