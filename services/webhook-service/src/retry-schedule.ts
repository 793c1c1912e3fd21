const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * Waits after the first, second, ... failure in a row; after the last one it stays at that. The schedule of Standard
 * Webhooks with one step more, 30 s: an endpoint's deliveries are in order, so one that was away for a restart would keep
 * everything behind it waiting for five minutes.
 */
const WAITS_MS: [number, ...number[]] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];
const WAIT_MAX_MS = 24 * HOUR_MS;
/** Added at random, up to this part: receivers that failed together are not all tried together. */
const JITTER = 0.2;

/**
 * How long to wait before the next try.
 *
 * @param failures in a row, this one included
 * @param askedMs what the receiver asked for by Retry-After; counts where it is longer, up to a day
 * @param random between 0 and 1
 */
export function retryWaitMs(failures: number, askedMs = 0, random = Math.random()): number {
  const [shortest] = WAITS_MS;
  const scheduled = WAITS_MS[Math.min(failures, WAITS_MS.length) - 1] ?? shortest;
  return Math.round(Math.min(Math.max(scheduled, askedMs), WAIT_MAX_MS) * (1 + random * JITTER));
}

/** Retry-After in milliseconds, whether it is seconds or a date (RFC 9110); undefined when it is neither or absent. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * SECOND_MS;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
