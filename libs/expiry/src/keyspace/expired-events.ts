import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisClient } from '@holdfast/redis';
import { v4 as randomId } from 'uuid';
import { EngineUnavailable } from '../engine-unavailable';

const SETTING = 'notify-keyspace-events';
const PROBE_PREFIX = 'holdfast:probe:';
const PROBE_WITHIN_MS = 1_000;
const PROBE_EVERY_MS = 10;
/** A user without the right, or a managed Redis that has taken the command away. */
const DENIED = /NOPERM|no permissions|unknown command/i;

/** The Redis does not tell of expired keys, and this user may not make it. */
export class ExpiredEventsOff extends EngineUnavailable {
  constructor(options?: ErrorOptions) {
    super(
      'Redis does not tell when keys expire, and this user may not configure it. Set notify-keyspace-events to Ex (add ' +
        'these letters to what is set already) in its configuration or parameter group, or choose another ' +
        'HOLDFAST_EXPIRY_ENGINE; parking needs no Redis.',
      options,
    );
  }
}

/** The channel on which a Redis database tells of its expired keys. */
export function expiredChannel(redis: RedisClient): string {
  const { db = 0 } = redis.options as { db?: number };
  return `__keyevent@${db}__:expired`;
}

/**
 * Makes sure that Redis tells of expired keys: adds the flags that are missing to those that are set. Where the user may
 * not configure, a key is let run out to see whether its event comes.
 *
 * @param subscriber already subscribed to {@link expiredChannel}
 * @throws ExpiredEventsOff when it does not and cannot be made to
 */
export async function ensureExpiredEvents(redis: RedisClient, subscriber: RedisClient): Promise<void> {
  try {
    const [, flags = ''] = (await redis.config('GET', SETTING)) as string[];
    const missing = missingFlags(flags);
    if (missing) await redis.config('SET', SETTING, flags + missing);
  } catch (error) {
    if (!DENIED.test(String(error))) throw error;
    if (!(await hearsProbe(redis, subscriber))) throw new ExpiredEventsOff({ cause: error });
  }
}

/** E: events by kind; x: of expired keys; A stands for every kind. */
export function missingFlags(flags: string): string {
  return (flags.includes('E') ? '' : 'E') + (/[xA]/.test(flags) ? '' : 'x');
}

async function hearsProbe(redis: RedisClient, subscriber: RedisClient): Promise<boolean> {
  const key = PROBE_PREFIX + randomId();
  let heard = false;
  const listen = (_channel: string, expired: string) => (heard ||= expired.endsWith(key));
  subscriber.on('message', listen);
  try {
    await redis.set(key, '', 'PX', 1);
    for (const until = performance.now() + PROBE_WITHIN_MS; !heard && performance.now() < until;) {
      await sleep(PROBE_EVERY_MS);
      // Redis tells of a key when it deletes it, which reading a key that has run out makes it do.
      await redis.get(key);
    }
    return heard;
  } finally {
    subscriber.off('message', listen);
  }
}
