/*
 * When a worker looks at holds, the same for every engine that keeps their timers in its memory.
 */

/**
 * A deadline has microseconds, a JavaScript date has not, and the offset to the database's clock is known to some tenths
 * of a millisecond: looking a little late is right the first time, looking early costs a statement.
 */
export const LOOK_AFTER_MS = 1;

const LOOK_AGAIN_MIN_MS = 2;
const LOOK_AGAIN_MAX_MS = 250;

/** From the first to the longest pause while the database does not answer. */
export const RETRY_MIN_MS = 50;
export const RETRY_MAX_MS = 2_000;

/**
 * The pause before the next look at holds that are not due, doubled each time: a clock that is wrong must not turn into a
 * storm of statements.
 *
 * @param looks how often they were looked at for this deadline, at least once
 */
export function lookAgainPauseMs(looks: number): number {
  return Math.min(LOOK_AGAIN_MIN_MS * 2 ** (looks - 1), LOOK_AGAIN_MAX_MS);
}
