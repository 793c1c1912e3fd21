import { judge, recoveryMs, restoredMs, type Release } from './releases';

const never = { isEarly: () => false };

function release(deadlineMs: number, lateMs: number | null, swept = false): Release {
  return { seatId: `S${deadlineMs}`, deadlineMs, committedMs: lateMs === null ? null : deadlineMs + lateMs, swept };
}

describe('the judgement of a run', () => {
  it('keeps what the sweeper did out of the percentiles, but not out of the maximum', () => {
    const releases = [
      ...Array.from({ length: 98 }, (_, nth) => release(nth, 5)),
      release(98, 10),
      release(99, 900, true),
    ];
    expect(judge(releases, { clock: never, gaveUpMs: 2_000 })).toEqual({
      latenessMs: { p50: 5, p99: 10, p999: 10, max: 900 },
      early: 0,
      neverReleased: 0,
      swept: 1,
    });
  });

  it('counts what was never released as late until the end of the wait', () => {
    const judged = judge([release(0, 5), release(100, null)], { clock: never, gaveUpMs: 1_100 });
    expect(judged).toMatchObject({ neverReleased: 1, latenessMs: { p50: 5, p99: 1_000, max: 1_000 } });
  });

  it('counts a release early that either clock finds early', () => {
    const releases = [release(0, 1), release(10, -1)];
    expect(judge(releases, { clock: never, gaveUpMs: 0 }).early).toBe(1);
    expect(judge(releases, { clock: { isEarly: () => true }, gaveUpMs: 0 }).early).toBe(2);
  });
});

describe('what a kill cost', () => {
  it('ends when all that ran out before the restart is released', () => {
    const releases = [release(0, 10), release(100, 350), release(300, 1)];
    expect(recoveryMs(releases, 200)).toBe(250);
    expect(recoveryMs([release(0, 10)], 200)).toBe(0);
    expect(recoveryMs([release(0, null)], 200)).toBeNull();
  });

  it('is restored when a timer released a hold again, and not before the worker is ready', () => {
    const releases = [release(0, 10), release(150, 100, true), release(400, 50)];
    expect(restoredMs(releases, { restart: 200, ready: 300 })).toBe(250);
    expect(restoredMs(releases, { restart: 200, ready: 500 })).toBe(300);
    expect(restoredMs([release(0, 10)], { restart: 200, ready: 300 })).toBeNull();
  });
});
