import type { ExpireOutcome } from '@holdfast/inventory';
import type { DueOutcome, LookAgain } from '@holdfast/expiry';

/** One statement releases this many holds; beyond 50 a larger batch gains little, and it keeps its seats locked longer. */
const BATCH_HOLDS_MAX = 500;

/** The batched check-and-release of the database, for holds of one event. */
export type Expire = (eventId: string, holdIds: string[]) => Promise<ExpireOutcome[]>;

interface Waiting {
  outcome: Promise<ExpireOutcome>;
  settle: (outcome: ExpireOutcome) => void;
  fail: (error: unknown) => void;
}

/**
 * Releases due holds in batches, one statement per event at a time: what becomes due in the same turn of the event loop,
 * or while a release of the event is in flight, goes together into the next one.
 */
export class HoldReleaser {
  private readonly waitingByEvent = new Map<string, Map<string, Waiting>>();
  private readonly running = new Set<Promise<void>>();

  /** @param released called with the outcomes of every batch */
  constructor(
    private readonly expire: Expire,
    private readonly released: (eventId: string, outcomes: ExpireOutcome[]) => void,
  ) {}

  /** Resolves when each of the holds was released, found gone, or found not due. Rejects when the database did not answer. */
  async release(eventId: string, holdIds: string[]): Promise<DueOutcome> {
    const outcomes = await Promise.all(holdIds.map((holdId) => this.enqueue(eventId, holdId)));
    const again = new Map<number, LookAgain>();
    for (const outcome of outcomes) {
      if (outcome.outcome !== 'not-due') continue;
      const group = again.get(outcome.deadline.getTime());
      if (group) group.holdIds.push(outcome.holdId);
      else again.set(outcome.deadline.getTime(), { deadline: outcome.deadline, holdIds: [outcome.holdId] });
    }
    return { again: [...again.values()] };
  }

  /** Resolves when no release is in flight. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  private enqueue(eventId: string, holdId: string): Promise<ExpireOutcome> {
    const waiting = this.waitingByEvent.get(eventId) ?? this.begin(eventId);
    // A repeated delivery shares the answer: a statement may name a hold only once.
    const known = waiting.get(holdId);
    if (known) return known.outcome;

    let settle: Waiting['settle'] = () => undefined;
    let fail: Waiting['fail'] = () => undefined;
    const outcome = new Promise<ExpireOutcome>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    waiting.set(holdId, { outcome, settle, fail });
    return outcome;
  }

  private begin(eventId: string): Map<string, Waiting> {
    const waiting = new Map<string, Waiting>();
    this.waitingByEvent.set(eventId, waiting);
    const run: Promise<void> = this.run(eventId, waiting).finally(() => this.running.delete(run));
    this.running.add(run);
    return waiting;
  }

  private async run(eventId: string, waiting: Map<string, Waiting>): Promise<void> {
    // Timers of one deadline fire in the same turn: let all of them arrive.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.size > 0) {
      const batch = new Map([...waiting].slice(0, BATCH_HOLDS_MAX));
      for (const holdId of batch.keys()) waiting.delete(holdId);
      try {
        const outcomes = await this.expire(eventId, [...batch.keys()]);
        this.released(eventId, outcomes);
        for (const outcome of outcomes) batch.get(outcome.holdId)?.settle(outcome);
      } catch (error) {
        for (const { fail } of batch.values()) fail(error);
      }
    }
    this.waitingByEvent.delete(eventId);
  }
}
