import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseUnavailable } from '@holdfast/postgres';
import type { HoldOutcome, HoldRequest } from './verbs/hold';

/** The queue is full: the caller should be told to come back later. */
export class Overloaded extends Error {
  constructor() {
    super('Too many holds are waiting to be written');
    this.name = 'Overloaded';
  }
}

export interface HoldCommitterOptions {
  /** The batch verb, usually `hold` bound to its database. */
  write: (eventId: string, requests: HoldRequest[]) => Promise<HoldOutcome[]>;
  /** Called with the holds that a batch newly took, after their commit and before anybody is answered. Must not throw. */
  onCommitted?: (eventId: string, held: Extract<HoldOutcome, { outcome: 'held' }>[]) => void;
  batchMax?: number;
  /** Requests waiting per event; beyond it they are refused at once. */
  queueMax?: number;
  /** A batch whose commit is unknown is written again with the same ids this long before its requests are given up. */
  answerWithinMs?: number;
}

/** Fifty requests to a statement are worth fourteen times one; beyond that little is gained. */
const BATCH_MAX = 50;
const QUEUE_MAX = 2_000;
const ANSWER_WITHIN_MS = 4_000;
const RETRY_PAUSE_MS = 100;
/** A request that loses a race this often is given up as overload; each lost race is somebody else's win. */
const CONFLICTS_MAX = 100;

interface Waiting {
  request: HoldRequest;
  conflicts: number;
  resolve: (outcome: HoldOutcome) => void;
  reject: (error: unknown) => void;
}

/**
 * Group commit, per event: requests that arrive while a write is in flight form the next batch; an idle event writes at
 * once. A batch names each seat, buyer and key at most once; a request that would be the second waits for the next.
 */
export class HoldCommitter {
  private readonly lanes = new Map<string, Waiting[]>();
  private idle: (() => void)[] = [];
  private readonly options: Required<HoldCommitterOptions>;

  constructor(options: HoldCommitterOptions) {
    this.options = {
      onCommitted: () => undefined,
      batchMax: BATCH_MAX,
      queueMax: QUEUE_MAX,
      answerWithinMs: ANSWER_WITHIN_MS,
      ...options,
    };
  }

  /**
   * @throws Overloaded at once when the event's queue is full
   * @throws DatabaseUnavailable when Postgres did not answer in time; the hold may or may not have been taken, and the
   *   same key will tell
   */
  hold(eventId: string, request: HoldRequest): Promise<HoldOutcome> {
    const lane = this.lanes.get(eventId) ?? [];
    if (lane.length >= this.options.queueMax) return Promise.reject(new Overloaded());
    return new Promise((resolve, reject) => {
      lane.push({ request, conflicts: 0, resolve, reject });
      if (this.lanes.has(eventId)) return;
      this.lanes.set(eventId, lane);
      void this.drain(eventId, lane);
    });
  }

  /** Resolves once everything that was accepted has been answered. */
  async settled(): Promise<void> {
    if (this.lanes.size > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private async drain(eventId: string, lane: Waiting[]): Promise<void> {
    while (lane.length > 0) await this.commit(eventId, lane, takeBatch(lane, this.options.batchMax));
    this.lanes.delete(eventId);
    if (this.lanes.size > 0) return;
    this.idle.forEach((resolve) => resolve());
    this.idle = [];
  }

  private async commit(eventId: string, lane: Waiting[], batch: Waiting[]): Promise<void> {
    let outcomes: HoldOutcome[];
    try {
      outcomes = await this.writeUntilAnswered(eventId, batch);
    } catch (error) {
      // One request's fault is not its neighbours': each is written alone, unless Postgres itself is away.
      if (batch.length === 1 || error instanceof DatabaseUnavailable) batch.forEach(({ reject }) => reject(error));
      else for (const waiting of batch) await this.commit(eventId, lane, [waiting]);
      return;
    }
    const held = outcomes.filter((outcome) => outcome.outcome === 'held').filter((outcome) => !outcome.replayed);
    if (held.length > 0) this.options.onCommitted(eventId, held);
    const again: Waiting[] = [];
    batch.forEach((waiting, i) => {
      const outcome = outcomes[i];
      if (outcome?.outcome !== 'conflict') return outcome && waiting.resolve(outcome);
      if (++waiting.conflicts > CONFLICTS_MAX) return waiting.reject(new Overloaded());
      again.push(waiting);
    });
    lane.unshift(...again);
  }

  /** An unknown commit is asked again with the same ids: what took effect answers as it did the first time. */
  private async writeUntilAnswered(eventId: string, batch: Waiting[]): Promise<HoldOutcome[]> {
    const requests = batch.map((waiting) => waiting.request);
    const giveUpAt = performance.now() + this.options.answerWithinMs;
    for (;;) {
      try {
        return await this.options.write(eventId, requests);
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable) || performance.now() + RETRY_PAUSE_MS >= giveUpAt) throw error;
        await pause(RETRY_PAUSE_MS);
      }
    }
  }
}

/** Takes the longest-waiting requests that do not meet in a seat, a buyer or a key; the others keep their place. */
function takeBatch(lane: Waiting[], batchMax: number): Waiting[] {
  const batch: Waiting[] = [];
  const left: Waiting[] = [];
  const seats = new Set<string>();
  const buyers = new Set<string>();
  for (const waiting of lane) {
    const { buyerId, seatIds } = waiting.request;
    const meets = buyers.has(buyerId) || seatIds.some((seatId) => seats.has(seatId));
    // A request left behind keeps its seats and its buyer for the next batch, so that nobody overtakes it.
    buyers.add(buyerId);
    seatIds.forEach((seatId) => seats.add(seatId));
    if (meets || batch.length >= batchMax) left.push(waiting);
    else batch.push(waiting);
  }
  lane.splice(0, lane.length, ...left);
  return batch;
}
