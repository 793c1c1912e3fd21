import type { HoldOutcome, HoldRequest } from './verbs/hold';

/** A statement of this many keys takes a few milliseconds; more would hold up the first of them. */
const BATCH_MAX = 200;

export type KeyLookup = Pick<HoldRequest, 'buyerId' | 'key' | 'bodyHash'>;

/** The batch read, usually `findReplays` bound to its database: an answer a key, in their order. */
export type ReadKeys = (eventId: string, requests: KeyLookup[]) => Promise<(HoldOutcome | undefined)[]>;

interface Waiting {
  request: KeyLookup;
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

  constructor(private readonly read: ReadKeys) {}

  /**
   * What the key was already answered with; undefined where it has no effect to its name.
   *
   * @throws DatabaseUnavailable when Postgres did not answer
   */
  find(eventId: string, request: KeyLookup): Promise<HoldOutcome | undefined> {
    return new Promise((resolve, reject) => {
      const lane = this.lanes.get(eventId);
      if (lane) {
        lane.push({ request, resolve, reject });
        return;
      }
      const opened = [{ request, resolve, reject }];
      this.lanes.set(eventId, opened);
      void this.drain(eventId, opened);
    });
  }

  private async drain(eventId: string, lane: Waiting[]): Promise<void> {
    while (lane.length > 0) {
      const batch = lane.splice(0, BATCH_MAX);
      try {
        const outcomes = await this.read(
          eventId,
          batch.map(({ request }) => request),
        );
        batch.forEach(({ resolve }, i) => resolve(outcomes[i]));
      } catch (error) {
        batch.forEach(({ reject }) => reject(error));
      }
    }
    this.lanes.delete(eventId);
  }
}
