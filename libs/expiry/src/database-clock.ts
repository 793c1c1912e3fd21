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

  private constructor(private readonly database: Database) {}

  /** Starts with the machine's clock and goes over to the database's at the first measurement, also when that comes late. */
  static async open(database: Database): Promise<DatabaseClock> {
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

  private async measure(): Promise<void> {
    let shortestMs = Infinity;
    for (let sample = 0; sample < SAMPLES; sample++) {
      try {
        const sentAt = performance.now();
        const rows = await this.database.query<{ now_ms: number }>(
          'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms',
        );
        const roundTripMs = performance.now() - sentAt;
        if (rows[0] && roundTripMs < shortestMs) {
          shortestMs = roundTripMs;
          this.offsetMs = rows[0].now_ms - (sentAt + roundTripMs / 2);
        }
      } catch {
        // The database is away: the last offset stays good for minutes, and nothing can be released meanwhile anyway.
        return;
      }
    }
  }
}
