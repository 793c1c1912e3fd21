import { strict as assert } from 'node:assert';
import { DatabaseUnavailable } from '@holdfast/postgres';
import { at, type Conflict } from './batch';
import type { HoldOutcome, HoldRequest } from './verbs/hold';

/** The queue is full: the caller should be told to come back later. */
export class Overloaded extends Error {
  constructor() {
    super('Too many holds are waiting to be written');
    this.name = 'Overloaded';
  }
}

/** What the committer logs with; a logger of pino fits. */
export interface CommitterLog {
  error(members: object, message: string): void;
}

export interface HoldCommitterOptions {
  /** The batch verb, usually `hold` bound to its database. */
  write: (eventId: string, requests: HoldRequest[]) => Promise<(HoldOutcome | Conflict)[]>;
  /** Called with the holds that a batch newly took, after their commit and before anybody is answered. */
  onCommitted?: (eventId: string, held: Extract<HoldOutcome, { outcome: 'held' }>[]) => void;
  /** Is told what `onCommitted` threw. */
  log?: CommitterLog;
  batchMax?: number;
  /** Statements of one event under way at once. */
  inFlightMax?: number;
  /** Requests that make a further batch worth while, beside one that has only just been sent. */
  overlapMin?: number;
  /** Requests waiting per event; beyond it they are refused at once. */
  queueMax?: number;
  /** A request is given up after this long; until then a batch whose commit is unknown is written again with the same ids. */
  answerWithinMs?: number;
}

/** Fifty requests to a statement are worth fourteen times one; beyond that little is gained. */
const BATCH_MAX = 50;
/** While Postgres writes one batch, this process answers and collects the other: neither waits for the other. */
const IN_FLIGHT_MAX = 2;
/**
 * A further batch beside one that is under way must be worth its statement, or a crowd is written in small change: with
 * any that came, 64 buyers at a time made batches of 11, each hold a third dearer than in batches of 32.
 */
const OVERLAP_MIN = 32;
/** Fewer go too when the one under way takes long: it may wait for a seat that another process has locked. */
const OVERLAP_AFTER_MS = 10;
/** Requests looked at for a batch, as a multiple of its size: a queue for one hot seat must not be walked at every batch. */
const LOOKED_AT_MAX = 10;
const QUEUE_MAX = 2_000;
export const ANSWER_WITHIN_MS = 4_000;
const RETRY_PAUSE_MS = 100;
/** A request that loses a race this often is given up as overload; each lost race is somebody else's win. */
const CONFLICTS_MAX = 100;

interface Waiting {
  request: HoldRequest;
  conflicts: number;
  /** Whether its time was over before its outcome was known. */
  isGivenUp: boolean;
  /** Why it was not written so far. */
  fault?: DatabaseUnavailable;
  timer: NodeJS.Timeout;
  resolve: (outcome: HoldOutcome) => void;
  reject: (error: unknown) => void;
}

/** One event's requests: those that wait, in their order, and the batches under way. */
interface Lane {
  waiting: Waiting[];
  inFlight: Set<Waiting[]>;
  /** Until the batch under way counts as slow, and the few that wait go beside it. */
  patience?: NodeJS.Timeout;
  /** Whether it is about to be filled, once everybody who came at the same moment is here. */
  isFilling: boolean;
}

/**
 * Group commit, per event: requests that arrive while writes are in flight form the next batch; an idle event writes at
 * once what came at the same moment. All that is under way names each seat and buyer at most once; a request that would be
 * the second waits.
 */
export class HoldCommitter {
  private readonly lanes = new Map<string, Lane>();
  private idle: (() => void)[] = [];
  private readonly options: Required<HoldCommitterOptions>;

  constructor(options: HoldCommitterOptions) {
    this.options = {
      onCommitted: () => undefined,
      log: { error: () => undefined },
      batchMax: BATCH_MAX,
      inFlightMax: IN_FLIGHT_MAX,
      overlapMin: OVERLAP_MIN,
      queueMax: QUEUE_MAX,
      answerWithinMs: ANSWER_WITHIN_MS,
      ...options,
    };
  }

  /**
   * @throws Overloaded at once when the event's queue is full, or when the request's turn did not come in time
   * @throws DatabaseUnavailable when Postgres did not answer in time; the hold may or may not have been taken, and the
   *   same key will tell
   */
  hold(eventId: string, request: HoldRequest): Promise<HoldOutcome> {
    const lane = this.laneOf(eventId);
    if (lane.waiting.length >= this.options.queueMax) return Promise.reject(new Overloaded());
    return new Promise<HoldOutcome>((resolve, reject) => {
      const waiting: Waiting = {
        request,
        conflicts: 0,
        isGivenUp: false,
        // Here, not by the statement's own time limit: that is longer, and whoever waits behind it waits once more as long.
        timer: setTimeout(() => giveUp(lane, waiting), this.options.answerWithinMs),
        resolve,
        reject,
      };
      lane.waiting.push(waiting);
      this.fillSoon(eventId, lane);
    });
  }

  /** Resolves once everything that was accepted has been answered. */
  async settled(): Promise<void> {
    if (this.lanes.size > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private laneOf(eventId: string): Lane {
    const known = this.lanes.get(eventId);
    if (known) return known;
    const lane: Lane = { waiting: [], inFlight: new Set(), isFilling: false };
    this.lanes.set(eventId, lane);
    return lane;
  }

  /**
   * One answer of Redis lets a dozen of a crowd come at once, and the first of them must not take a statement for itself.
   * Not at the end of the event loop's turn: Postgres would stand idle for the rest of a long one.
   */
  private fillSoon(eventId: string, lane: Lane): void {
    if (lane.isFilling) return;
    lane.isFilling = true;
    process.nextTick(() => {
      lane.isFilling = false;
      this.fill(eventId, lane);
    });
  }

  /** Sends as many batches as may be under way and are worth it; forgets a lane that has nothing left. */
  private fill(eventId: string, lane: Lane): void {
    while (lane.waiting.length > 0 && lane.inFlight.size < this.options.inFlightMax) {
      if (lane.inFlight.size > 0 && lane.waiting.length < this.options.overlapMin) {
        lane.patience ??= setTimeout(() => this.send(eventId, lane), OVERLAP_AFTER_MS);
        return;
      }
      if (!this.send(eventId, lane)) return;
    }
    if (lane.waiting.length > 0 || lane.inFlight.size > 0 || lane.isFilling) return;
    this.lanes.delete(eventId);
    if (this.lanes.size > 0) return;
    this.idle.forEach((resolve) => resolve());
    this.idle = [];
  }

  /** @returns false when all that wait meet somebody under way */
  private send(eventId: string, lane: Lane): boolean {
    clearTimeout(lane.patience);
    lane.patience = undefined;
    const batch = takeBatch(lane, this.sizeFor(lane));
    if (batch.length === 0) return false;
    lane.inFlight.add(batch);
    void this.commit(eventId, lane, batch).finally(() => {
      lane.inFlight.delete(batch);
      this.fill(eventId, lane);
    });
    return true;
  }

  /**
   * Half of those in the lane, when that is worth a statement: while Postgres writes one half, this process answers and
   * collects the other. Were all of a crowd in one batch, each side would wait for the other.
   */
  private sizeFor(lane: Lane): number {
    let present = lane.waiting.length;
    for (const underWay of lane.inFlight) present += underWay.length;
    return Math.min(this.options.batchMax, Math.max(this.options.overlapMin, Math.ceil(present / 2)));
  }

  private async commit(eventId: string, lane: Lane, batch: Waiting[]): Promise<void> {
    let outcomes: (HoldOutcome | Conflict)[];
    try {
      outcomes = await this.writeUntilAnswered(eventId, batch);
    } catch (error) {
      if (batch.length > 1 && !(error instanceof DatabaseUnavailable)) return this.commitAlone(eventId, lane, batch);
      return batch.forEach((waiting) => fail(waiting, error));
    }
    this.announce(eventId, outcomes);
    const again: Waiting[] = [];
    for (const [i, waiting] of batch.entries()) {
      const outcome = at(outcomes, i);
      if (waiting.isGivenUp) continue;
      if (outcome.outcome !== 'conflict') answer(waiting, outcome);
      else if (++waiting.conflicts > CONFLICTS_MAX) fail(waiting, new Overloaded());
      else again.push(waiting);
    }
    lane.waiting.unshift(...again);
  }

  /** The holds are taken, whatever becomes of the word about them: their buyers are answered all the same. */
  private announce(eventId: string, outcomes: (HoldOutcome | Conflict)[]): void {
    const held = outcomes.filter((outcome) => outcome.outcome === 'held').filter((outcome) => !outcome.replayed);
    if (held.length === 0) return;
    try {
      this.options.onCommitted(eventId, held);
    } catch (error) {
      this.options.log.error({ err: error, eventId }, 'Could not pass on which holds were taken');
    }
  }

  /** One request's fault is not its neighbours': they are written one after the other, and only it fails. */
  private async commitAlone(eventId: string, lane: Lane, batch: Waiting[]): Promise<void> {
    for (const waiting of batch) if (!waiting.isGivenUp) await this.commit(eventId, lane, [waiting]);
  }

  /** An unknown commit is asked again with the same ids: what took effect answers as it did the first time. */
  private async writeUntilAnswered(eventId: string, batch: Waiting[]): Promise<(HoldOutcome | Conflict)[]> {
    const requests = batch.map((waiting) => waiting.request);
    for (;;) {
      try {
        const outcomes = await this.options.write(eventId, requests);
        assert(outcomes.length === requests.length, 'one outcome a request');
        return outcomes;
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable)) throw error;
        for (const waiting of batch) waiting.fault = error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
        if (batch.every(({ isGivenUp }) => isGivenUp)) throw error;
      }
    }
  }
}

/** A request's time is over: it leaves the queue, or, where it is being written, is told that nobody knows. */
function giveUp({ waiting }: Lane, late: Waiting): void {
  late.isGivenUp = true;
  const place = waiting.indexOf(late);
  if (place < 0) return fail(late, late.fault ?? new DatabaseUnavailable('No answer in time'));
  waiting.splice(place, 1);
  fail(late, new Overloaded());
}

function answer({ timer, resolve }: Waiting, outcome: HoldOutcome): void {
  clearTimeout(timer);
  resolve(outcome);
}

function fail({ timer, reject }: Waiting, error: unknown): void {
  clearTimeout(timer);
  reject(error);
}

/** Takes the longest-waiting requests that meet neither each other nor what is under way; the others keep their place. */
function takeBatch({ waiting, inFlight }: Lane, batchMax: number): Waiting[] {
  const batch: Waiting[] = [];
  const left: Waiting[] = [];
  const seats = new Set<string>();
  const buyers = new Set<string>();
  const name = ({ request: { buyerId, seatIds } }: Waiting) => {
    buyers.add(buyerId);
    seatIds.forEach((seatId) => seats.add(seatId));
  };
  for (const underWay of inFlight) underWay.forEach(name);
  const lookedAtMax = LOOKED_AT_MAX * batchMax;
  let lookedAt = 0;
  for (const candidate of waiting) {
    if (batch.length >= batchMax || lookedAt >= lookedAtMax) break;
    lookedAt++;
    const { buyerId, seatIds } = candidate.request;
    const meets = buyers.has(buyerId) || seatIds.some((seatId) => seats.has(seatId));
    // A request left behind keeps its seats and its buyer for the next batch, so that nobody overtakes it.
    name(candidate);
    (meets ? left : batch).push(candidate);
  }
  waiting.splice(0, lookedAt, ...left);
  return batch;
}
