import type { Database } from '@holdfast/postgres';
import type { SeatState } from './seat-lifecycle';

/** An event's seats as they stand, compact: one letter and one version a seat, in the order of the layout. */
export interface SeatMap {
  /** A available (run-out holds too), H held, B booked, X blocked. */
  states: string;
  /** The text of a JSON list without its brackets. To read 200,000 numbers from it would stall whoever asks for 20 ms. */
  versions: string;
  serverTime: Date;
}

export interface LayoutPart {
  json: string;
  isLast: boolean;
}

export type SeatCounts = Record<SeatState, number>;

/**
 * A part of the plan of an event, whose JSON is the text of all parts in order; undefined where there is no such event, or no
 * such part of it. It never changes.
 *
 * @param part counted from 0
 */
export async function readLayoutPart(db: Database, eventId: string, part: number): Promise<LayoutPart | undefined> {
  const rows = await db.query<{ json: string; is_last: boolean }>(
    `SELECT json, NOT EXISTS (SELECT FROM inventory.layouts WHERE event_id = $1 AND part = $2::smallint + 1) AS is_last
       FROM inventory.layouts WHERE event_id = $1 AND part = $2::smallint`,
    [eventId, part],
  );
  return rows.map(({ json, is_last }) => ({ json, isLast: is_last }))[0];
}

/**
 * Every seat's state and version; undefined where there is no such event.
 *
 * Sorted once, below the aggregates, which take the rows as they come: 200,000 seats in 72 ms. An ORDER BY in each of them, and
 * the time to group by, made it three sorts and 170 ms.
 */
export async function readSeats(db: Database, eventId: string): Promise<SeatMap | undefined> {
  const [row] = await db.query<{ now: Date; states: string | null; versions: string }>(
    `SELECT min(s.now) AS now, string_agg(s.letter, '') AS states, array_to_string(array_agg(s.version), ',') AS versions
       FROM (SELECT t.now, s.version,
                    CASE WHEN s.state = 'held' AND s.deadline <= t.now THEN 'A'
                         WHEN s.state = 'available' THEN 'A'
                         WHEN s.state = 'held' THEN 'H'
                         WHEN s.state = 'booked' THEN 'B'
                         WHEN s.state = 'blocked' THEN 'X' END AS letter
               FROM (SELECT clock_timestamp() AS now) t
               JOIN inventory.seats s ON s.event_id = $1
              ORDER BY s.ordinal) s`,
    [eventId],
  );
  if (!row?.states) return undefined;
  return { states: row.states, versions: row.versions, serverTime: row.now };
}

/** How many seats stand in each state; a run-out hold counts as available. */
export async function readCounts(db: Database, eventId: string): Promise<SeatCounts> {
  const rows = await db.query<{ state: SeatState; seats: number }>(
    `SELECT CASE WHEN s.state = 'held' AND s.deadline <= t.now THEN 'available' ELSE s.state END AS state,
            count(*)::int AS seats
       FROM (SELECT clock_timestamp() AS now) t
       JOIN inventory.seats s ON s.event_id = $1
      GROUP BY 1`,
    [eventId],
  );
  const counts: SeatCounts = { available: 0, held: 0, booked: 0, blocked: 0 };
  for (const row of rows) counts[row.state] = row.seats;
  return counts;
}
