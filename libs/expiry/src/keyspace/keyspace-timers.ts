import type { RedisClient } from '@holdfast/redis';
import type { Timer, TimerTransport } from '../timer';
import { HOLDS_PER_KEY_MAX, PENDING_INDEX, timerKey } from './timer-key';

/** The index outlives any deadline, but not an engine that nobody uses any more. */
const INDEX_IDLE_S = 24 * 60 * 60;

/**
 * Keeps timers as Redis keys that run out at the deadline, each with an entry in the index of pending timers.
 * See docs/decisions/017-keyspace-sqs-sweep.md.
 */
export class KeyspaceTimers implements TimerTransport {
  constructor(private readonly redis: RedisClient) {}

  /** Nothing is declared in Redis; the worker's end makes sure of the events. */
  async prepare(): Promise<void> {}

  async send({ eventId, deadline, holdIds }: Timer, remainingMs: number): Promise<void> {
    const writes: Promise<unknown>[] = [this.redis.expire(PENDING_INDEX, INDEX_IDLE_S)];
    for (let from = 0; from < holdIds.length; from += HOLDS_PER_KEY_MAX) {
      const key = timerKey({ eventId, deadline, holdIds: holdIds.slice(from, from + HOLDS_PER_KEY_MAX) });
      // The entry first: a key without one would be an event that nobody claims.
      writes.push(
        this.redis.zadd(PENDING_INDEX, deadline.getTime(), key),
        this.redis.set(key, '', 'PX', Math.max(1, Math.ceil(remainingMs))),
      );
    }
    await Promise.all(writes);
  }
}
