import type { ExpireOutcome } from '@holdfast/inventory';
import type { DueOutcome, LookAgain } from '@holdfast/expiry';

/** One statement releases this many holds; a larger batch gains little, and it keeps its seats locked longer. */
const BATCH_HOLDS_MAX = 500;

/**
 * The pace of statements that are not full, for one event: at 2,000 holds due a second each then carries 24 of them, where
 * one at a time would carry as few as fit beside each other, and the CPU of the rest is what the next hold waits for.
 */
const PACE_MS = 12;

/** Full ones go side by side: while one waits for its commit to be on disk, the other works. */
const IN_FLIGHT_MAX = 2;

/** The batched check-and-release of the database, for holds of one event. */
export type Expire = (eventId: string, holdIds: string[]) => Promise<ExpireOutcome[]>;

/**
 * Called with the outcomes of every batch.
 *
 * @param behind whether more holds of the event wait than a statement carries
 */
export type Released = (eventId: string, outcomes: ExpireOutcome[], behind: boolean) => void;

interface Asked {
  outcome: Promise<ExpireOutcome>;
  settle: (outcome: ExpireOutcome) => void;
  fail: (error: unknown) => void;
}

/** The holds of one event that were reported due and are not answered yet. */
interface DueOfEvent {
  asked: Map<string, Asked>;
  /** Of those, not in a statement yet. */
  waiting: string[];
  inFlight: number;
  /** When the last statement began, on the monotonic clock. */
  beganAt: number;
  /** Something will look at it again. */
  pending: boolean;
}

/**
 * Releases due holds in batches: what becomes due in the same turn of the event loop, within the pace, or while a release
 * of the event is in flight, goes together into the next statement. A lone hold goes at once.
 */
export class HoldReleaser {
  private readonly dueByEvent = new Map<string, DueOfEvent>();
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly expire: Expire,
    private readonly released: Released,
    private readonly paceMs = PACE_MS,
  ) {}

  /** Resolves when each of the holds was released, found gone, or found not due. Rejects when the database did not answer. */
  async release(eventId: string, holdIds: string[]): Promise<DueOutcome> {
    const due = this.dueOf(eventId);
    const outcomes = await Promise.all(holdIds.map((holdId) => ask(due, holdId)));
    const again = new Map<number, LookAgain>();
    for (const outcome of outcomes) {
      if (outcome.outcome !== 'not-due') continue;
      const group = again.get(outcome.deadline.getTime());
      if (group) group.holdIds.push(outcome.holdId);
      else again.set(outcome.deadline.getTime(), { deadline: outcome.deadline, holdIds: [outcome.holdId] });
    }
    return { again: [...again.values()] };
  }

  /** Whether a hold was reported due and is not answered yet. */
  has(eventId: string, holdId: string): boolean {
    return this.dueByEvent.get(eventId)?.asked.has(holdId) ?? false;
  }

  /** Resolves when no release is in flight. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  private dueOf(eventId: string): DueOfEvent {
    let due = this.dueByEvent.get(eventId);
    if (!due) {
      due = { asked: new Map(), waiting: [], inFlight: 0, beganAt: -Infinity, pending: false };
      this.dueByEvent.set(eventId, due);
    }
    if (!due.pending) {
      due.pending = true;
      // Timers of one deadline fire in the same turn: let all of them arrive.
      setImmediate(() => this.advance(eventId, due));
    }
    return due;
  }

  /** Begins what may begin now, and sees to it that what may not yet is looked at again. */
  private advance(eventId: string, due: DueOfEvent): void {
    due.pending = false;
    while (due.waiting.length >= BATCH_HOLDS_MAX && due.inFlight < IN_FLIGHT_MAX) this.begin(eventId, due);
    // The end of what is in flight looks again.
    if (due.inFlight > 0) return;
    const pauseMs = due.beganAt + this.paceMs - performance.now();
    if (pauseMs > 0) {
      due.pending = true;
      setTimeout(() => this.advance(eventId, due), pauseMs);
    } else if (due.waiting.length > 0) {
      this.begin(eventId, due);
    } else {
      this.dueByEvent.delete(eventId);
    }
  }

  private begin(eventId: string, due: DueOfEvent): void {
    due.inFlight++;
    due.beganAt = performance.now();
    const run: Promise<void> = this.run(eventId, due, due.waiting.splice(0, BATCH_HOLDS_MAX)).finally(() => {
      this.running.delete(run);
      due.inFlight--;
      if (!due.pending) this.advance(eventId, due);
    });
    this.running.add(run);
  }

  private async run(eventId: string, due: DueOfEvent, holdIds: string[]): Promise<void> {
    const take = (holdId: string): Asked | undefined => {
      const asked = due.asked.get(holdId);
      due.asked.delete(holdId);
      return asked;
    };
    try {
      const outcomes = await this.expire(eventId, holdIds);
      this.released(eventId, outcomes, due.waiting.length >= BATCH_HOLDS_MAX);
      for (const outcome of outcomes) take(outcome.holdId)?.settle(outcome);
    } catch (error) {
      for (const holdId of holdIds) take(holdId)?.fail(error);
    }
  }
}

/** A repeated delivery shares the answer: a statement may name a hold only once. */
function ask(due: DueOfEvent, holdId: string): Promise<ExpireOutcome> {
  const known = due.asked.get(holdId);
  if (known) return known.outcome;
  let settle: Asked['settle'] = () => undefined;
  let fail: Asked['fail'] = () => undefined;
  const outcome = new Promise<ExpireOutcome>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  due.asked.set(holdId, { outcome, settle, fail });
  due.waiting.push(holdId);
  return outcome;
}
