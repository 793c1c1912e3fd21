import { DatabaseUnavailable } from '@holdfast/postgres';
import { at } from './batch';
import { ANSWER_WITHIN_MS, Overloaded } from './hold-committer';
import type { HoldOutcome, KeyLookup } from './verbs/hold';

/** A statement of this many keys takes a few milliseconds; more would hold up the first of them. */
const BATCH_MAX = 200;
/** Look-ups of one event that may wait for their statement: ten statements, some tens of milliseconds. */
export const LOOKUPS_WAITING_MAX = 2_000;

/** The batch read, usually `findReplays` bound to its database: an answer a key, in their order. */
export type ReadKeys = (eventId: string, requests: KeyLookup[]) => Promise<(HoldOutcome | undefined)[]>;

interface Waiting {
  request: KeyLookup;
  /** By `performance.now()`. */
  askedAt: number;
  resolve: (outcome: HoldOutcome | undefined) => void;
  reject: (error: unknown) => void;
}

/**
 * Looks keys up before an early no becomes a refusal, per event many to a statement: what arrives while one statement is
 * in flight goes into the next. In a rush nearly every request is refused; a statement each would cost more than asking
 * for the seat.
 *
 * Every answer is from a snapshot taken after the question: a statement never answers what arrived after it was sent.
 */
export class KeyLookups {
  private readonly lanes = new Map<string, Waiting[]>();

  /** @param answerWithinMs a look-up is given up after this long, and with it all that wait behind it */
  constructor(
    private readonly read: ReadKeys,
    private readonly answerWithinMs = ANSWER_WITHIN_MS,
  ) {}

  /**
   * What the key was already answered with; undefined where it has no effect to its name.
   *
   * @throws Overloaded at once when {@link LOOKUPS_WAITING_MAX} of the event wait already
   * @throws DatabaseUnavailable when Postgres did not answer in time
   */
  find(eventId: string, request: KeyLookup): Promise<HoldOutcome | undefined> {
    return new Promise((resolve, reject) => {
      const waiting = { request, askedAt: performance.now(), resolve, reject };
      const lane = this.lanes.get(eventId);
      if (!lane) {
        const opened = [waiting];
        this.lanes.set(eventId, opened);
        void this.drain(eventId, opened);
      } else if (lane.length < LOOKUPS_WAITING_MAX) lane.push(waiting);
      else reject(new Overloaded());
    });
  }

  private async drain(eventId: string, lane: Waiting[]): Promise<void> {
    while (lane.length > 0) {
      const batch = lane.splice(0, BATCH_MAX);
      try {
        const outcomes = await this.readInTime(eventId, batch);
        batch.forEach(({ resolve }, i) => resolve(outcomes[i]));
      } catch (error) {
        // Those behind would ask the same Postgres, and wait for it once more.
        if (error instanceof DatabaseUnavailable) batch.push(...lane.splice(0));
        batch.forEach(({ reject }) => reject(error));
      }
    }
    this.lanes.delete(eventId);
  }

  /** The statement's own time limit is longer, and knows nothing of the wait before it. */
  private readInTime(eventId: string, batch: Waiting[]): Promise<(HoldOutcome | undefined)[]> {
    const requests = batch.map(({ request }) => request);
    const msLeft = at(batch, 0).askedAt + this.answerWithinMs - performance.now();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new DatabaseUnavailable('No answer in time')), msLeft);
      void this.read(eventId, requests)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }
}
