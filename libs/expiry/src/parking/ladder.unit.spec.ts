import { KEEP_MAX_MS } from '../due-timers';
import { HOP_MARGIN_MS, RUNGS_MS, rungFor, shardsOf } from './ladder';

/** The hops of a timer when every queue forwards `lateMs` after its duration. */
function hopsOf(holdMs: number, lateMs: number): number[] {
  const hops: number[] = [];
  for (let remainingMs = holdMs, rung = rungFor(holdMs); rung !== undefined; rung = rungFor(remainingMs)) {
    hops.push(rung);
    remainingMs -= rung + lateMs;
  }
  return hops;
}

describe('the ladder of parking durations', () => {
  it('never parks past the deadline, and leaves less than a second to the worker', () => {
    for (let holdMs = 1; holdMs <= 3_600_000; holdMs = Math.ceil(holdMs * 1.01)) {
      const left = holdMs - hopsOf(holdMs, 0).reduce((sum, rung) => sum + rung, 0);
      expect(left).toBeGreaterThan(0);
      if (holdMs < KEEP_MAX_MS) expect(left).toBe(holdMs);
      else expect(left).toBeGreaterThanOrEqual(HOP_MARGIN_MS);
      expect(left).toBeLessThan(KEEP_MAX_MS);
    }
  });

  it('has a rung for every wait that the worker does not keep in memory', () => {
    expect(rungFor(KEEP_MAX_MS)).toBe(RUNGS_MS[0]);
    expect(rungFor(KEEP_MAX_MS - 1)).toBeUndefined();
  });

  it('takes at most six hops for a hold of ten minutes and eight for an hour', () => {
    expect(hopsOf(599_980, 20).length).toBeLessThanOrEqual(6);
    for (let holdMs = 1; holdMs <= 3_600_000; holdMs = Math.ceil(holdMs * 1.01)) {
      expect(hopsOf(holdMs, 20).length).toBeLessThanOrEqual(8);
    }
  });

  it('needs at most 64 queues, the due queues and the dead-letter queue included', () => {
    const parkingQueues = RUNGS_MS.reduce((sum, rung) => sum + shardsOf(rung), 0);
    expect(parkingQueues).toBeLessThanOrEqual(60);
  });
});
