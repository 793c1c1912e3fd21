import { HOLDS_PER_TIMER_MAX } from '@holdfast/contracts';
import type { EngineLog } from './engine-parts';
import type { ExpiryScheduler, HoldDeadline, ScheduleCounts } from './expiry-engine';
import { pause } from './pause';
import type { Timer, TimerTransport } from './timer';

/** About 10 MB of ids; at 5,000 holds a second the buffer covers ten seconds without a broker. */
const HOLDS_WAITING_MAX = 50_000;
/** Messages on their way at once; what comes meanwhile goes together into the next wave. */
const WAVE_MESSAGES_MAX = 256;
/**
 * A timer waits this long for others of its deadline. Holds taken within some milliseconds share one, and a message each
 * for their batches cost RabbitMQ half as much as Postgres took for the holds; no hold is shorter than a second.
 */
const GATHER_MS = 20;
const RETRY_AFTER_MS = 500;
const CLOSE_WITHIN_MS = 2_000;

/**
 * The hold side of the engines in RabbitMQ: collects holds of the same event and deadline into one message and hands them
 * over in waves. While the broker is away the timers wait here; past the bound, or once the deadline has come, they are
 * dropped and counted, and the sweeper finds the holds.
 */
export class BufferedScheduler implements ExpiryScheduler {
  readonly counts: ScheduleCounts = { scheduled: 0, handedOver: 0, dropped: 0, waiting: 0 };
  private readonly buffer = new Map<string, Timer>();
  private readonly closing = new AbortController();
  private running: Promise<void> | undefined;
  private failing = false;

  /** @param now milliseconds since the epoch by the database's clock */
  constructor(
    private readonly transport: Pick<TimerTransport, 'send'>,
    private readonly now: () => number,
    private readonly log?: EngineLog,
  ) {}

  schedule(holds: HoldDeadline[]): void {
    for (const hold of holds) {
      this.counts.scheduled++;
      if (this.counts.waiting >= HOLDS_WAITING_MAX || this.closing.signal.aborted) {
        this.counts.dropped++;
        continue;
      }
      this.counts.waiting++;
      this.keep({ eventId: hold.eventId, deadline: hold.deadline, holdIds: [hold.holdId] });
    }
    // Only with something to do: it would end before its promise is kept here, and nothing would begin again.
    if (this.buffer.size > 0) this.running ??= this.handOver();
  }

  async close(): Promise<void> {
    this.closing.abort();
    const late = new AbortController();
    await Promise.race([this.running, pause(CLOSE_WITHIN_MS, late.signal)]);
    late.abort();
  }

  private keep(timer: Timer): void {
    const key = `${timer.eventId} ${timer.deadline.getTime()}`;
    const known = this.buffer.get(key);
    if (known) known.holdIds.push(...timer.holdIds);
    else this.buffer.set(key, timer);
  }

  private async handOver(): Promise<void> {
    while (this.buffer.size > 0) {
      await pause(GATHER_MS, this.closing.signal);
      const wave = this.nextWave();
      const refused = await this.send(wave);
      if (refused.length === 0) continue;
      for (const timer of refused) {
        if (this.closing.signal.aborted || timer.deadline.getTime() <= this.now()) this.drop(timer.holdIds.length);
        else this.keep(timer);
      }
      await pause(RETRY_AFTER_MS, this.closing.signal);
    }
    // In the same turn as the last look at the buffer, so that no timer is left behind by a loop about to end.
    this.running = undefined;
  }

  /** @returns the timers that the transport did not take */
  private async send(wave: Timer[]): Promise<Timer[]> {
    const refused: Timer[] = [];
    let reason: unknown;
    await Promise.all(
      wave.map(async (timer) => {
        try {
          await this.transport.send(timer, timer.deadline.getTime() - this.now());
          this.counts.waiting -= timer.holdIds.length;
          this.counts.handedOver += timer.holdIds.length;
        } catch (error) {
          refused.push(timer);
          reason = error;
        }
      }),
    );
    this.tell(refused.length > 0, reason);
    return refused;
  }

  /** Says when the transport begins to refuse and when it takes everything again, not every time. */
  private tell(failing: boolean, reason: unknown): void {
    if (failing && !this.failing)
      this.log?.warn({ reason: String(reason) }, 'Timers cannot be handed over; trying again');
    if (!failing && this.failing) this.log?.info({}, 'Timers are handed over again');
    this.failing = failing;
  }

  private nextWave(): Timer[] {
    const wave: Timer[] = [];
    for (const [key, timer] of this.buffer) {
      if (wave.length >= WAVE_MESSAGES_MAX) break;
      const holdIds = timer.holdIds.splice(0, HOLDS_PER_TIMER_MAX);
      wave.push({ ...timer, holdIds });
      if (timer.holdIds.length === 0) this.buffer.delete(key);
    }
    return wave;
  }

  private drop(holds: number): void {
    this.counts.waiting -= holds;
    this.counts.dropped += holds;
  }
}
