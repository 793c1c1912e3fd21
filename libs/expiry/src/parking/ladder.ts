/**
 * The fixed durations a timer can be parked for. In a queue with a time to live only the head expires, so every duration
 * needs a queue of its own; any wait is made of several, each rounded down, so that no hop can overshoot the deadline.
 *
 * Powers of two and their halfway marks (1, 1.5, 2, 3, 4, 6 ...): a hop leaves at most a third of the wait. Powers of two
 * alone leave half, and a hold of 600 s, handed over a little after its commit, then takes 9 hops instead of 5.
 */
export const RUNGS_MS: readonly number[] = [
  0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536,
].map((seconds) => seconds * 1_000);

/**
 * A hop must come back before the deadline, also when the broker forwards late: 20-50 ms was usual, now and then some
 * hundreds. What comes back early waits in the worker's memory, which costs next to nothing.
 */
export const HOP_MARGIN_MS = 750;

/**
 * One queue forwards through one process of the broker, 32 messages at a time, so a burst on one deadline spreads over
 * several. The last hop, where lateness counts, is nearly always one of the short rungs: they get more.
 */
const SHORT_RUNG_MAX_MS = 1_500;
const SHARDS_SHORT = 4;
const SHARDS_LONG = 2;

/** The longest rung that ends with the margin to spare, or undefined when the timer is too near to be parked. */
export function rungFor(remainingMs: number): number | undefined {
  return RUNGS_MS.findLast((rungMs) => rungMs + HOP_MARGIN_MS <= remainingMs);
}

/** Over how many queues a rung is spread. */
export function shardsOf(rungMs: number): number {
  return rungMs <= SHORT_RUNG_MAX_MS ? SHARDS_SHORT : SHARDS_LONG;
}
