import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@holdfast/postgres';

const SAMPLE_EVERY_MS = 250;
/** The shortest of several round trips is the least wrong. */
const TRIES = 3;

interface Sample {
  outsideMs: number;
  /** The database's time less the outside one. */
  offsetMs: number;
  /** Half a round trip: the offset may be wrong by this much. */
  errorMs: number;
}

/**
 * This process's monotonic clock beside the database's. A database whose clock jumps forward would release holds before
 * their time and never know it; measured by a clock that cannot jump, such a release is early.
 */
export class OutsideClock {
  private constructor(
    private readonly samples: Sample[],
    private readonly stopSampling: () => Promise<void>,
  ) {}

  /** Samples until it is stopped; a database that is away is asked again later. */
  static async start(db: Database): Promise<OutsideClock> {
    const samples = [await sample(db)];
    let stopped = false;
    const sampling = (async () => {
      while (!stopped) {
        await sleep(SAMPLE_EVERY_MS);
        await sample(db).then(
          (next) => samples.push(next),
          () => undefined,
        );
      }
    })();
    return new OutsideClock(samples, async () => {
      stopped = true;
      await sampling;
    });
  }

  /** For specs and for what was sampled elsewhere. */
  static of(samples: Sample[]): OutsideClock {
    return new OutsideClock(samples, () => Promise.resolve());
  }

  /** The database's time now, in milliseconds since the epoch, as far as this clock knows. */
  now(): number {
    return this.databaseTime(performance.now());
  }

  /** The database's time at a time of `performance.now()`. */
  databaseTime(outsideMs: number): number {
    return outsideMs + this.nearest(({ outsideMs: at }) => Math.abs(at - outsideMs)).offsetMs;
  }

  /**
   * Whether the time from the start of this clock to a release was shorter than to the deadline, both told by the database
   * and measured by this clock, beyond the error of the measurement.
   */
  isEarly(deadlineMs: number, releasedMs: number): boolean {
    const atStart = this.samples[0];
    const atRelease = this.nearest((at) => Math.abs(at.outsideMs + at.offsetMs - releasedMs));
    if (!atStart) return false;
    const earlyMs = deadlineMs - atStart.offsetMs - (releasedMs - atRelease.offsetMs);
    return earlyMs > atStart.errorMs + atRelease.errorMs;
  }

  async stop(): Promise<void> {
    await this.stopSampling();
  }

  private nearest(distance: (sample: Sample) => number): Sample {
    // Samples are in the order of time, so the distance falls and then rises.
    let [low, high] = [0, this.samples.length - 1];
    const far = (at: number) => distance(this.samples[at] as Sample);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (far(middle) <= far(middle + 1)) high = middle;
      else low = middle + 1;
    }
    return this.samples[low] as Sample;
  }
}

async function sample(db: Database): Promise<Sample> {
  let best: Sample | undefined;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const sentAt = performance.now();
    const [row] = await db.query<{ now_ms: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms',
    );
    const outsideMs = performance.now();
    const errorMs = (outsideMs - sentAt) / 2;
    if (row && (!best || errorMs < best.errorMs)) {
      best = { outsideMs: sentAt + errorMs, offsetMs: row.now_ms - (sentAt + errorMs), errorMs };
    }
  }
  if (!best) throw new Error('The database did not tell its time');
  return best;
}
