import { isSetAside, type Evidence, type LedgerLine, type SeatLine } from './evidence';

/** Each is a count, and each must be 0. */
export interface Faults {
  /** Seats that two buyers had at the same time. */
  doubleBooked: number;
  /** Payments of more than the seats cost that their hold has booked, or that were taken twice. */
  chargedWithoutSeat: number;
  /** Holds that have booked seats whose price was not taken. */
  seatWithoutCharge: number;
  /** Holds that kept their seats beyond the deadline. */
  neverReleased: number;
  /** Releases before the deadline. */
  earlyReleases: number;
  /** Everything else that cannot be: an order of entries no seat can live, gaps, tables that say other than the ledger. */
  brokenHistories: number;
  /** Money set aside on a card and neither taken nor given back. */
  leftSetAside: number;
}

export interface Verdict {
  faults: Faults;
  /** A sentence for each fault, for people. */
  findings: string[];
  /** Holds by how they ended: `held` is all of them. */
  held: number;
  booked: number;
  expired: number;
  released: number;
  /** Part of `expired`: found by the sweeper, not by the prompt path. */
  sweptReleases: number;
  /** One for each expired hold: from its deadline to its release. */
  latenessMs: number[];
}

type State = { is: SeatLine['state']; holdId: string | null };

const AVAILABLE: State = { is: 'available', holdId: null };

/** The only steps a seat can take, by the entry that tells of them. */
const STEPS: Record<LedgerLine['kind'], { from: State['is']; to: State['is'] }> = {
  held: { from: 'available', to: 'held' },
  extended: { from: 'held', to: 'held' },
  released: { from: 'held', to: 'available' },
  expired: { from: 'held', to: 'available' },
  booked: { from: 'held', to: 'booked' },
  unbooked: { from: 'booked', to: 'available' },
  blocked: { from: 'available', to: 'blocked' },
  unblocked: { from: 'blocked', to: 'available' },
};

/**
 * Judges a settled event: lives every seat's life again from the ledger, and compares what comes out with the tables and
 * the provider's books. Knows nothing of the code it judges.
 */
export function judge(evidence: Evidence): Verdict {
  const court = new Court();
  const finalStates = replaySeats(evidence, court);
  const ends = endsOfHolds(evidence, court);
  checkHolds(evidence, finalStates, court);
  checkSequence(evidence.ledger, court);
  checkMoney(evidence, finalStates, court);
  return { faults: court.faults(), findings: court.findings, held: evidence.holds.length, ...ends };
}

class Court {
  readonly findings: string[] = [];
  /** By what is at fault, so that one seat or payment counts once however often it shows. */
  private readonly guilty: Record<keyof Faults, Set<string>> = {
    doubleBooked: new Set(),
    chargedWithoutSeat: new Set(),
    seatWithoutCharge: new Set(),
    neverReleased: new Set(),
    earlyReleases: new Set(),
    brokenHistories: new Set(),
    leftSetAside: new Set(),
  };

  find(fault: keyof Faults, who: string, sentence: string): void {
    if (this.guilty[fault].has(who)) return;
    this.guilty[fault].add(who);
    this.findings.push(`${fault}: ${who} ${sentence}`);
  }

  faults(): Faults {
    const counts = Object.entries(this.guilty).map(([fault, guilty]): [string, number] => [fault, guilty.size]);
    return Object.fromEntries(counts) as unknown as Faults;
  }
}

/** Each seat's life from its first entry; every entry must be a step that the state before it allows. */
function replaySeats({ ledger, seats, holds }: Evidence, court: Court): Map<string, State> {
  const deadlines = new Map(holds.map(({ holdId, deadlineMs }) => [holdId, deadlineMs]));
  const lives = new Map<string, LedgerLine[]>();
  for (const entry of ledger) {
    const life = lives.get(entry.seatId);
    if (life) life.push(entry);
    else lives.set(entry.seatId, [entry]);
  }
  const finalStates = new Map<string, State>();
  for (const seat of seats) {
    const life = (lives.get(seat.seatId) ?? []).sort((a, b) => a.version - b.version);
    lives.delete(seat.seatId);
    const state = liveAgain(seat, life, deadlines, court);
    finalStates.set(seat.seatId, state);
    if (seat.state !== state.is || seat.holdId !== state.holdId) {
      court.find('brokenHistories', seat.seatId, `is ${seat.state}, and by the ledger ${state.is}`);
    }
    if (seat.version !== life.length) {
      court.find('brokenHistories', seat.seatId, `has version ${seat.version} after ${life.length} entries`);
    }
  }
  for (const seatId of lives.keys()) court.find('brokenHistories', seatId, 'has entries but no row');
  return finalStates;
}

function liveAgain({ seatId }: SeatLine, life: LedgerLine[], deadlines: Map<string, number>, court: Court): State {
  let state = AVAILABLE;
  let before: LedgerLine | undefined;
  for (const [nth, entry] of life.entries()) {
    const { from, to } = STEPS[entry.kind];
    const isOthers = state.holdId !== null && entry.holdId !== state.holdId;
    if (isOthers && (to === 'held' || to === 'booked')) {
      court.find('doubleBooked', seatId, `was ${entry.kind} for ${entry.holdId} while ${state.holdId} had it`);
    } else if (state.is !== from || (from !== 'available' && isOthers)) {
      court.find('brokenHistories', seatId, `was ${entry.kind} for ${entry.holdId} while ${state.is}`);
    }
    if (entry.version !== nth + 1) court.find('brokenHistories', seatId, `lacks version ${nth + 1}`);
    if (before && entry.atMs < before.atMs) court.find('brokenHistories', seatId, 'has entries that go back in time');
    checkDeadline(entry, deadlines.get(entry.holdId ?? ''), court);
    state = to === 'held' || to === 'booked' ? { is: to, holdId: entry.holdId } : { is: to, holdId: null };
    before = entry;
  }
  return state;
}

function checkDeadline({ kind, seatId, holdId, atMs }: LedgerLine, deadlineMs: number | undefined, court: Court): void {
  if (holdId === null) return;
  if (deadlineMs === undefined) return court.find('brokenHistories', holdId, 'is in the ledger but is no hold');
  const leftMs = (deadlineMs - atMs).toFixed(3);
  if (kind === 'expired' && atMs < deadlineMs) {
    court.find('earlyReleases', `${holdId} ${seatId}`, `expired ${leftMs} ms before its deadline`);
  }
  if ((kind === 'booked' || kind === 'released') && atMs >= deadlineMs) {
    court.find('brokenHistories', `${holdId} ${seatId}`, `was ${kind} at or after its deadline`);
  }
}

/** How holds ended, by their entries in the ledger: all seats of a hold must have ended alike. */
function endsOfHolds({ ledger, holds }: Evidence, court: Court) {
  const entries = new Map<string, LedgerLine[]>(holds.map(({ holdId }) => [holdId, []]));
  for (const entry of ledger) entries.get(entry.holdId ?? '')?.push(entry);
  const ended = { booked: 0, expired: 0, released: 0, sweptReleases: 0, latenessMs: [] as number[] };
  for (const { holdId, state, seatIds, deadlineMs } of holds) {
    const lines = entries.get(holdId) ?? [];
    const of = (kind: LedgerLine['kind']) => lines.filter((line) => line.kind === kind);
    if (of('held').length !== seatIds.length) {
      court.find('brokenHistories', holdId, `took ${of('held').length} of its ${seatIds.length} seats`);
    }
    const ends = (['booked', 'expired', 'released'] as const).filter((kind) => of(kind).length > 0);
    const [end] = ends;
    if (ends.length > 1) court.find('brokenHistories', holdId, `ended as ${ends.join(' and ')}`);
    if (!end) continue;
    ended[end]++;
    // Of a hold that was never released, which is a fault by itself, others may have taken seats over.
    if (state !== 'held' && of(end).length !== seatIds.length) {
      court.find('brokenHistories', holdId, `was ${end} with ${of(end).length} of its ${seatIds.length} seats`);
    }
    if (end !== 'expired') continue;
    const releases = of('expired');
    ended.latenessMs.push(Math.max(...releases.map(({ atMs }) => atMs - deadlineMs)));
    if (releases.some(({ reason }) => reason === 'swept')) ended.sweptReleases++;
  }
  return ended;
}

/** After settling nothing is held any more that should not be, and the holds say what the seats say. */
function checkHolds({ holds, nowMs }: Evidence, finalStates: Map<string, State>, court: Court): void {
  for (const { holdId, state, deadlineMs, seatIds } of holds) {
    const carried = seatIds.filter((seatId) => finalStates.get(seatId)?.holdId === holdId);
    const isDue = deadlineMs <= nowMs;
    const isKept = carried.some((seatId) => finalStates.get(seatId)?.is === 'held');
    if (isDue && (state === 'held' || isKept)) court.find('neverReleased', holdId, 'is due and was not released');
    const isBooked = carried.some((seatId) => finalStates.get(seatId)?.is === 'booked');
    if (isBooked !== (state === 'booked')) {
      court.find('brokenHistories', holdId, `is ${state}, and its seats are ${isBooked ? '' : 'not '}booked`);
    }
  }
}

/** The event's order has no gap, no entry twice, and no seat's entries the wrong way round. */
function checkSequence(ledger: LedgerLine[], court: Court): void {
  const places = ledger.flatMap(({ seq }) => (seq === null ? [] : [seq])).sort((a, b) => a - b);
  const unnumbered = ledger.length - places.length;
  if (unnumbered > 0) court.find('brokenHistories', 'the sequence', `lacks ${unnumbered} entries`);
  const gap = places.findIndex((seq, nth) => seq !== nth + 1);
  if (gap !== -1) court.find('brokenHistories', 'the sequence', `has ${places[gap]} in place ${gap + 1}`);
  const last = new Map<string, LedgerLine>();
  for (const entry of [...ledger].sort((a, b) => (a.seq ?? Infinity) - (b.seq ?? Infinity))) {
    const before = last.get(entry.seatId);
    if (before && before.version > entry.version) {
      court.find('brokenHistories', entry.seatId, `is told out of order at ${entry.seq}`);
    }
    last.set(entry.seatId, entry);
  }
}

/** Each hold against the provider's books: paid is what the seats cost that it has booked, neither more nor less. */
function checkMoney({ holds, seats, intents }: Evidence, finalStates: Map<string, State>, court: Court): void {
  const prices = new Map(seats.map(({ seatId, priceMinor }) => [seatId, priceMinor]));
  const priceIfBooked = (seatId: string, holdId: string): number => {
    const state = finalStates.get(seatId);
    return state?.is === 'booked' && state.holdId === holdId ? (prices.get(seatId) ?? 0) : 0;
  };
  // What was paid for a hold that ran out is paid for the one that replaces it.
  const replacedBy = new Map(holds.map(({ holdId, replacesHoldId }) => [replacesHoldId, holdId]));
  const taken = new Map<string, number>();
  for (const intent of intents) {
    const holdId = replacedBy.get(intent.holdId) ?? intent.holdId;
    taken.set(holdId, (taken.get(holdId) ?? 0) + intent.takenMinor);
    if (isSetAside(intent)) court.find('leftSetAside', intent.intentId, 'is set aside for ever');
  }
  for (const { holdId, seatIds } of holds) {
    const paidMinor = taken.get(holdId) ?? 0;
    taken.delete(holdId);
    const owedMinor = seatIds.reduce((sum, seatId) => sum + priceIfBooked(seatId, holdId), 0);
    const sentence = `costs ${owedMinor} for what it has, and ${paidMinor} were taken`;
    if (paidMinor > owedMinor) court.find('chargedWithoutSeat', holdId, sentence);
    if (paidMinor < owedMinor) court.find('seatWithoutCharge', holdId, sentence);
  }
  for (const [holdId, paidMinor] of taken) {
    if (paidMinor > 0) court.find('chargedWithoutSeat', holdId, `is no hold, and ${paidMinor} were taken`);
  }
}
