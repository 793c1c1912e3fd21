import type { Database } from '@holdfast/postgres';

/** How often the offset is measured again: two clocks drift by far less than a millisecond in this time. */
const MEASURE_EVERY_MS = 5_000;
/** Of several samples the one with the shortest round trip is the least wrong: by at most half of it. */
const SAMPLES = 3;

/**
 * The database's clock, told without asking it: the process's monotonic clock plus an offset that is measured regularly.
 * Deadlines are times of the database, so a timer by the machine's own clock would be early or late by their difference.
 * It only says when to look; the database judges by its own clock.
 */
export class DatabaseClock {
  private offsetMs = Date.now() - performance.now();
  private timer: NodeJS.Timeout | undefined;
  private measuring: Promise<void> = Promise.resolve();

  private constructor(private readonly database: Pick<Database, 'query'>) {}

  /** Starts with the machine's clock and goes over to the database's at the first measurement, also when that comes late. */
  static async open(database: Pick<Database, 'query'>): Promise<DatabaseClock> {
    const clock = new DatabaseClock(database);
    clock.timer = setInterval(() => void (clock.measuring = clock.measure()), MEASURE_EVERY_MS);
    await (clock.measuring = clock.measure());
    return clock;
  }

  /** Milliseconds since the epoch by the database's clock, with a fraction. */
  now(): number {
    return performance.now() + this.offsetMs;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.measuring;
  }

  /** All samples or none: one that waited for a database that hangs is off by half of that wait. */
  private async measure(): Promise<void> {
    let best = { roundTripMs: Infinity, offsetMs: this.offsetMs };
    try {
      for (let nth = 0; nth < SAMPLES; nth++) {
        const sample = await this.sample();
        if (sample.roundTripMs < best.roundTripMs) best = sample;
      }
    } catch {
      // The database is away: the last offset stays good for minutes, and nothing can be released meanwhile anyway.
      return;
    }
    this.offsetMs = best.offsetMs;
  }

  private async sample(): Promise<{ roundTripMs: number; offsetMs: number }> {
    const sentAt = performance.now();
    const [row] = await this.database.query<{ now_ms: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms',
    );
    if (!row) throw new Error('the clock answers with one row');
    const roundTripMs = performance.now() - sentAt;
    return { roundTripMs, offsetMs: row.now_ms - (sentAt + roundTripMs / 2) };
  }
}
