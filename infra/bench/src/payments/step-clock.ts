import type { OnCrashPoint } from '@holdfast/payment-service';

/** Where the time of payments went: milliseconds of all of them together, by step. */
export interface StepTimes {
  payments: number;
  totalMs: Record<string, number>;
}

/** Ends of a payment that was paid. */
const PAID = 'captured:committed';

/**
 * Tells from the crash points, which stand around every call and after every commit, how long each of them took: the time
 * from the point before. Between two calls there is nothing but the commit of the first one's result.
 */
export class StepClock {
  private readonly lastAtMs = new Map<string, number>();
  private times: StepTimes = { payments: 0, totalMs: {} };

  readonly onCrashPoint: OnCrashPoint = (point, { attemptId }) => {
    if (!attemptId || point.startsWith('webhook:')) return;
    const nowMs = performance.now();
    const lastMs = this.lastAtMs.get(attemptId);
    if (lastMs !== undefined) {
      const step = stepOf(point);
      this.times.totalMs[step] = (this.times.totalMs[step] ?? 0) + nowMs - lastMs;
    }
    this.lastAtMs.set(attemptId, nowMs);
    if (point !== PAID) return;
    this.times.payments += 1;
    this.lastAtMs.delete(attemptId);
  };

  /** What was measured since the last time. */
  take(): StepTimes {
    const taken = this.times;
    this.times = { payments: 0, totalMs: {} };
    return taken;
  }
}

/** `begun:create-intent:after` ends the call `createIntent`; the time before a call belongs to nobody. */
function stepOf(point: string): string {
  const [, call = '', place] = point.split(':');
  if (call === 'committed') return 'commits';
  return place === 'before' ? 'between' : call.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
