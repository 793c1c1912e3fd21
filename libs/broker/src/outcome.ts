/** What becomes of a delivered message. A handler returns it; only this library acknowledges. */
export type Outcome =
  | { settle: 'ack' }
  /** Not now: it comes again after the next delay of the ladder, until its attempts are used up. */
  | { settle: 'retry'; reason: string }
  /** Something it needs is away, which is not its fault: it comes again however long that takes, no attempt is used up. */
  | { settle: 'wait'; reason: string }
  /** Never: it goes to the dead letters with the reason. */
  | { settle: 'dead-letter'; reason: string }
  /** Back to the head of its queue at once, for another process; for stopping. Counts towards the delivery limit. */
  | { settle: 'requeue' };

/** The effect is committed. */
export const ack: Outcome = { settle: 'ack' };

/** For another process, now. */
export const requeue: Outcome = { settle: 'requeue' };

/** Not now; the reason stands in the dead letter, should its attempts be used up. */
export const retry = (reason: string): Outcome => ({ settle: 'retry', reason });

/** Not while something it needs is away. */
export const wait = (reason: string): Outcome => ({ settle: 'wait', reason });

/** Never; the reason stands in the dead letter. */
export const deadLetter = (reason: string): Outcome => ({ settle: 'dead-letter', reason });

/** Whether a handler of Nest answered with an outcome rather than with a reply. */
export function isOutcome(value: unknown): value is Outcome {
  return typeof value === 'object' && value !== null && 'settle' in value;
}
