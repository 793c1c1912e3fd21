/** How finely time is cut. A tick costs a look at one bucket, and only ticks with a bucket in use are waited for. */
export const TICK_MS = 2;

/** Buckets, so that one turn of the wheel takes 131 s: a timer of ten minutes is passed over four times before its turn. */
const BUCKETS = 65_536;

/** How far ahead the next bucket in use is looked for; an empty wheel is looked at again after this many ticks. */
const LOOK_AHEAD_TICKS = 512;

const CAPACITY_FIRST = 1_024;
const NONE = -1;

/**
 * A hashed timing wheel: scheme 6 of Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP 1987). A timer
 * hangs in the bucket of its tick modulo the size of the wheel, with whatever is due in other turns; placing and removing
 * relink a bucket's list and take the same time however many timers there are.
 *
 * It knows entries only as small numbers, which its user gives out; links live in typed arrays, 16 bytes a timer.
 */
export class TimingWheel {
  private readonly firsts = new Int32Array(BUCKETS).fill(NONE);
  private next = new Int32Array(CAPACITY_FIRST);
  private previous = new Int32Array(CAPACITY_FIRST);
  /** The tick at which an entry is due; 0 while it is not in the wheel. */
  private ticks = new Float64Array(CAPACITY_FIRST);
  /** Everything due at this tick or earlier has been taken. */
  private taken: number;
  private placed = 0;

  /** @param now milliseconds since the epoch, as in every other method */
  constructor(now: number) {
    this.taken = Math.floor(now / TICK_MS);
  }

  /** Entries in the wheel. */
  get size(): number {
    return this.placed;
  }

  /** Puts an entry in, due at `at` or up to a tick later, never earlier; a time that has passed is due at the next tick. */
  place(entry: number, at: number): void {
    this.grow(entry);
    if (this.ticks[entry] !== 0) this.remove(entry);
    const tick = Math.max(Math.ceil(at / TICK_MS), this.taken + 1);
    const bucket = tick % BUCKETS;
    const first = this.firsts[bucket] ?? NONE;
    this.ticks[entry] = tick;
    this.previous[entry] = NONE;
    this.next[entry] = first;
    if (first !== NONE) this.previous[first] = entry;
    this.firsts[bucket] = entry;
    this.placed++;
  }

  /** Takes an entry out; one that is not in the wheel stays out. */
  remove(entry: number): void {
    const tick = this.ticks[entry] ?? 0;
    if (tick === 0) return;
    const before = this.previous[entry] ?? NONE;
    const after = this.next[entry] ?? NONE;
    if (before === NONE) this.firsts[tick % BUCKETS] = after;
    else this.next[before] = after;
    if (after !== NONE) this.previous[after] = before;
    this.ticks[entry] = 0;
    this.placed--;
  }

  /** Takes out entries that are due, `max` of them at most; what is left then comes with the next call. */
  takeDue(now: number, max: number): number[] {
    const due: number[] = [];
    const tick = Math.floor(now / TICK_MS);
    // The database's clock was set back: what is in the wheel is all of later ticks, so waiting again is enough.
    if (tick < this.taken) this.taken = tick;
    // After a pause longer than a turn, one turn sees every bucket.
    let at = Math.max(this.taken + 1, tick - BUCKETS + 1);
    for (; at <= tick; at++) {
      for (let entry = this.firsts[at % BUCKETS] ?? NONE; entry !== NONE;) {
        const following = this.next[entry] ?? NONE;
        if ((this.ticks[entry] ?? 0) <= tick) {
          if (due.length === max) return due;
          this.remove(entry);
          due.push(entry);
        }
        entry = following;
      }
      this.taken = at;
    }
    return due;
  }

  /** When to call `takeDue` next: at the first bucket in use, or where the look ahead ends; Infinity when all is empty. */
  nextAt(): number {
    if (this.placed === 0) return Infinity;
    let tick = this.taken + 1;
    for (const end = tick + LOOK_AHEAD_TICKS; tick < end; tick++) {
      if (this.firsts[tick % BUCKETS] !== NONE) break;
    }
    return tick * TICK_MS;
  }

  private grow(entry: number): void {
    if (entry < this.ticks.length) return;
    const capacity = Math.max(entry + 1, this.ticks.length * 2);
    this.next = enlarged(this.next, new Int32Array(capacity));
    this.previous = enlarged(this.previous, new Int32Array(capacity));
    this.ticks = enlarged(this.ticks, new Float64Array(capacity));
  }
}

/** A larger array with the same beginning. */
export function enlarged<Numbers extends { set(from: ArrayLike<number>): void }>(
  from: ArrayLike<number>,
  to: Numbers,
): Numbers {
  to.set(from);
  return to;
}
