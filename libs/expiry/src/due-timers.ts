import { noCounts, type EngineCounts, type LookAgain, type OnDue } from './expiry-engine';
import { LOOK_AFTER_MS, lookAgainPauseMs, RETRY_MAX_MS, RETRY_MIN_MS } from './look-times';
import type { Timer, TimerTransport } from './timer';

/** Timers nearer than this wait in memory, with their message unacknowledged; others are sent on. Enough for most transports. */
export const KEEP_MAX_MS = 1_250;

/**
 * The worker's last part of the way, the same for every engine with a transport: a timer it brings is sent on when
 * its deadline is far, waits in memory when it is near, and calls `onDue` at the deadline until every hold is finished.
 */
export class DueTimers {
  readonly counts: EngineCounts = noCounts();
  /** Ends one wait before its time. Thousands may be open, too many for the listeners of one abort signal. */
  private readonly endsOfWaits = new Set<() => void>();
  private stopped = false;

  /**
   * @param now milliseconds since the epoch by the database's clock
   * @param keepMaxMs timers nearer than this wait in memory
   */
  constructor(
    private readonly transport: Pick<TimerTransport, 'send'>,
    private readonly onDue: OnDue,
    private readonly now: () => number,
    private readonly keepMaxMs = KEEP_MAX_MS,
  ) {}

  /**
   * Resolves `true` when the message may be acknowledged: released, gone, or sent on. Resolves `false` when stopped first:
   * the message stays unacknowledged, and the broker gives it to another worker.
   */
  async finish(timer: Timer): Promise<boolean> {
    return this.wait(timer, 0);
  }

  /** Ends every wait at once; calls of `onDue` in flight still finish their timers. */
  stop(): void {
    this.stopped = true;
    for (const end of this.endsOfWaits) end();
  }

  private async wait(timer: Timer, looks: number): Promise<boolean> {
    const remainingMs = timer.deadline.getTime() - this.now();
    if (remainingMs > this.keepMaxMs) {
      await this.transport.send(timer, remainingMs);
      this.counts.hops += timer.holdIds.length;
      return true;
    }
    const pauseMs = looks === 0 ? 0 : lookAgainPauseMs(looks);
    if (!(await this.waitUntil(Math.max(timer.deadline.getTime() + LOOK_AFTER_MS, this.now() + pauseMs)))) return false;

    const again = await this.look(timer);
    if (!again) return false;
    const finished = await Promise.all(
      again.map((group) => this.wait({ eventId: timer.eventId, ...group }, looks + 1)),
    );
    return finished.every(Boolean);
  }

  /** Calls `onDue` until it answers. Undefined when stopped before. */
  private async look({ eventId, holdIds, deadline }: Timer): Promise<LookAgain[] | undefined> {
    for (let pauseMs = RETRY_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS)) {
      try {
        const { again } = await this.onDue(eventId, holdIds, deadline);
        this.counts.due += holdIds.length;
        for (const group of again) this.counts.lookedAgain += group.holdIds.length;
        return again;
      } catch {
        if (!(await this.waitUntil(this.now() + pauseMs))) return undefined;
      }
    }
  }

  /** Waits for a time of the database's clock; false when stopped first. Node's timers may fire a little early: look twice. */
  private async waitUntil(time: number): Promise<boolean> {
    for (let leftMs = time - this.now(); leftMs > 0 && !this.stopped; leftMs = time - this.now()) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          this.endsOfWaits.delete(end);
          resolve();
        };
        const timer = setTimeout(end, Math.ceil(leftMs));
        this.endsOfWaits.add(end);
      });
    }
    return !this.stopped;
  }
}
