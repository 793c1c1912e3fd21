import { required, type EngineParts, type OutstandingHolds } from '../engine-parts';
import {
  noCounts,
  type EngineCounts,
  type ExpiryEngine,
  type ExpiryScheduler,
  type HoldDeadline,
  type OnDue,
  type ScheduleCounts,
} from '../expiry-engine';
import { pause } from '../pause';

const HOLDS_PER_LOOK_MAX = 500;

/** The hold side of `sweep`: the database knows every deadline already, so there is nothing to hand over. */
export class SweepScheduler implements ExpiryScheduler {
  readonly counts: ScheduleCounts = { scheduled: 0, handedOver: 0, dropped: 0, waiting: 0 };

  schedule(holds: HoldDeadline[]): void {
    this.counts.scheduled += holds.length;
    this.counts.handedOver += holds.length;
  }

  async close(): Promise<void> {}
}

/**
 * The cron reaper, alone: asks the database for what has run out, again and again at a fixed interval. A hold comes back
 * half an interval late on average and a whole one at worst, which is what there is to measure about it.
 */
export class SweepEngine implements ExpiryEngine {
  readonly counts: EngineCounts = noCounts();
  private readonly holds: OutstandingHolds;
  private readonly everyMs: number;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.holds = required(parts, 'holds');
    this.everyMs = required(parts, 'sweep').everyMs;
  }

  start(onDue: OnDue): Promise<void> {
    this.running ??= this.run(onDue);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(onDue: OnDue): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        while ((await this.look(onDue)) && !this.stopping.signal.aborted);
      } catch {
        // The database is away: the next look finds the same holds.
      }
      await pause(this.everyMs, this.stopping.signal);
    }
  }

  /** Answers whether there may be more to find at once. */
  private async look(onDue: OnDue): Promise<boolean> {
    const due = await this.holds.readDue(HOLDS_PER_LOOK_MAX);
    let asked = 0;
    let again = 0;
    for (const { eventId, holdIds, deadline } of due) {
      const outcome = await onDue(eventId, holdIds, deadline);
      asked += holdIds.length;
      again += outcome.again.reduce((sum, group) => sum + group.holdIds.length, 0);
    }
    this.counts.due += asked;
    this.counts.lookedAgain += again;
    return asked >= HOLDS_PER_LOOK_MAX && again < asked;
  }
}
