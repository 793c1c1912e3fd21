import { CRASH_POINTS as ATTEMPT_CRASH_POINTS, type CrashPoint as AttemptCrashPoint } from './attempt-lifecycle';
import type { Attempt } from './attempts';
import { REFUND_CRASH_POINTS, type RefundCrashPoint } from './refund-lifecycle';
import { WEBHOOK_CRASH_POINTS, type WebhookCrashPoint } from './webhooks';

/** A point at which the process may die: around every call to the outside, and after every commit. */
export type CrashPoint = AttemptCrashPoint | RefundCrashPoint | WebhookCrashPoint;

/** All of them, for drills. */
export const CRASH_POINTS: readonly CrashPoint[] = [
  ...ATTEMPT_CRASH_POINTS,
  ...REFUND_CRASH_POINTS,
  ...WEBHOOK_CRASH_POINTS,
];

/** What has come to a point; a webhook may be about no attempt of ours. */
export type CrashPlace = Partial<Pick<Attempt, 'attemptId' | 'holdId'>>;

/** Told every point that is reached; what follows waits for it. */
export type OnCrashPoint = (point: CrashPoint, at: CrashPlace) => void | Promise<void>;

/**
 * Kills the process, without any farewell, when it reaches a point for the first time. For drills: the product's own
 * `main` never passes it on.
 *
 * @throws Error when there is no such point
 */
export function crashAt(point: string): (reached: CrashPoint) => void {
  if (!CRASH_POINTS.some((known) => known === point)) throw new Error(`There is no crash point ${point}`);
  return (reached) => {
    if (reached === point) process.kill(process.pid, 'SIGKILL');
  };
}
