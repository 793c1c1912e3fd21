import fc from 'fast-check';
import { TICK_MS, TimingWheel } from './timing-wheel';

const NOW = Date.UTC(2026, 0, 1);
const ALL = 1_000_000;
const HOUR_MS = 3_600_000;

describe('the timing wheel', () => {
  it('gives back an entry at its time, at most a tick late, never early', () => {
    const wheel = new TimingWheel(NOW);
    wheel.place(0, NOW + 100);
    expect(wheel.takeDue(NOW + 99, ALL)).toEqual([]);
    expect(wheel.takeDue(NOW + 100 + TICK_MS, ALL)).toEqual([0]);
    expect(wheel.takeDue(NOW + HOUR_MS, ALL)).toEqual([]);
    expect(wheel.size).toBe(0);
  });

  it('passes over what is due in a later turn, and finds what came due during a long pause', () => {
    const wheel = new TimingWheel(NOW);
    wheel.place(0, NOW + 10);
    // In the same bucket, one turn later.
    wheel.place(1, NOW + 10 + 65_536 * TICK_MS);
    wheel.place(2, NOW + HOUR_MS);
    expect(wheel.takeDue(NOW + 1_000, ALL)).toEqual([0]);
    expect(wheel.takeDue(NOW + 65_536 * TICK_MS, ALL)).toEqual([]);
    expect(wheel.takeDue(NOW + 2 * HOUR_MS, ALL).sort()).toEqual([1, 2]);
  });

  it('says when to look again: not before the first entry is due, not long after it', () => {
    const wheel = new TimingWheel(NOW);
    expect(wheel.nextAt()).toBe(Infinity);
    wheel.place(0, NOW + 500);
    expect(wheel.nextAt()).toBe(NOW + 500);
    wheel.place(1, NOW + 3);
    expect(wheel.nextAt()).toBe(NOW + 4);
    wheel.remove(0);
    wheel.remove(1);
    wheel.place(2, NOW + HOUR_MS);
    expect(wheel.nextAt()).toBeGreaterThan(NOW);
    expect(wheel.nextAt()).toBeLessThanOrEqual(NOW + 2_000);
  });

  it('waits anew when the clock is set back', () => {
    const wheel = new TimingWheel(NOW);
    wheel.takeDue(NOW + 10_000, ALL);
    wheel.place(0, NOW + 20_000);
    expect(wheel.takeDue(NOW, ALL)).toEqual([]);
    wheel.place(1, NOW + 100);
    expect(wheel.takeDue(NOW + 98, ALL)).toEqual([]);
    expect(wheel.takeDue(NOW + 102, ALL)).toEqual([1]);
    expect(wheel.takeDue(NOW + 20_002, ALL)).toEqual([0]);
  });

  it('behaves as a plain list of due times would, whatever is placed, moved, removed and taken', () => {
    const entry = fc.nat(40);
    const inMs = fc.oneof(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: HOUR_MS }));
    const step = fc.oneof(
      fc.record({ do: fc.constant('place' as const), entry, inMs }),
      fc.record({ do: fc.constant('remove' as const), entry }),
      fc.record({
        do: fc.constant('take' as const),
        afterMs: fc.oneof(fc.nat(20), fc.nat(HOUR_MS)),
        max: fc.constantFrom(1, 3, ALL),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = NOW;
        const wheel = new TimingWheel(now);
        const dueAt = new Map<number, number>();
        for (const each of steps) {
          if (each.do === 'place') {
            wheel.place(each.entry, now + each.inMs);
            // What is overdue already is due with the next tick.
            dueAt.set(each.entry, now + Math.max(each.inMs, 0));
          } else if (each.do === 'remove') {
            wheel.remove(each.entry);
            dueAt.delete(each.entry);
          } else {
            now += each.afterMs;
            const due = wheel.takeDue(now, each.max);
            expect(new Set(due).size).toBe(due.length);
            expect(due.length).toBeLessThanOrEqual(each.max);
            for (const taken of due) {
              expect(dueAt.get(taken)).toBeLessThanOrEqual(now);
              dueAt.delete(taken);
            }
            if (due.length < each.max) {
              // Only what has become due within the running tick may be left.
              for (const at of dueAt.values()) expect(at).toBeGreaterThan(now - 2 * TICK_MS);
            }
          }
          expect(wheel.size).toBe(dueAt.size);
          const firstDue = Math.max(now, Math.min(...dueAt.values()));
          expect(wheel.nextAt()).toBeLessThanOrEqual(firstDue + 2 * TICK_MS);
          if (dueAt.size === 0) expect(wheel.nextAt()).toBe(Infinity);
        }
        // In the end everything comes out.
        const left = wheel.takeDue(now + 2 * HOUR_MS, ALL);
        expect(left.sort((one, other) => one - other)).toEqual([...dueAt.keys()].sort((one, other) => one - other));
      }),
      { numRuns: 500 },
    );
  });
});
