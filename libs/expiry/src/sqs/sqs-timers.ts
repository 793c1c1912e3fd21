import { timerMessage } from '../due-queue';
import { EngineUnavailable } from '../engine-unavailable';
import type { Timer, TimerTransport } from '../timer';
import type { SqsQueue } from './sqs-queue';

/** The longest delay of a message; a longer wait takes several. */
const DELAY_MAX_S = 900;
/** Delays are whole seconds, so the message comes this much early, and the worker's own timer does the rest exactly. */
const EARLY_MS = 500;

/**
 * Delays timers in an Amazon SQS standard queue, holds of one event and deadline in one message, ten messages a request.
 * See docs/decisions/017-keyspace-sqs-sweep.md.
 */
export class SqsTimers implements TimerTransport {
  constructor(private readonly queue: SqsQueue) {}

  async prepare(): Promise<void> {
    try {
      await this.queue.open();
    } catch (error) {
      // An SQS that is away is looked for again before the first message.
      if (error instanceof EngineUnavailable) throw error;
    }
  }

  async send(timer: Timer, remainingMs: number): Promise<void> {
    const delayS = Math.floor((remainingMs - EARLY_MS) / 1_000);
    await this.queue.send(JSON.stringify(timerMessage(timer)), Math.min(Math.max(0, delayS), DELAY_MAX_S));
  }
}

/** Messages that come this near to their deadline wait in memory: a second of delay more would be too late for them. */
export const SQS_KEEP_MAX_MS = 1_000 + EARLY_MS;
