import type { Database } from '@holdfast/postgres';
import type { SeatState } from './seat-lifecycle';

/** An event's seats as they stand, compact: one letter and one version a seat, in the order of the layout. */
export interface SeatMap {
  /** A available (run-out holds too), H held, B booked, X blocked. */
  states: string;
  versions: number[];
  serverTime: Date;
}

export type SeatCounts = Record<SeatState, number>;

/**
 * The plan of an event: the text of its JSON, in parts that are read as they are asked for; undefined where there is no such
 * event. It never changes.
 */
export async function readLayout(db: Database, eventId: string): Promise<AsyncIterable<string> | undefined> {
  const first = await readLayoutPart(db, eventId, 0);
  return first === undefined ? undefined : layoutFrom(db, eventId, first);
}

async function* layoutFrom(db: Database, eventId: string, first: string): AsyncGenerator<string> {
  let json: string | undefined = first;
  for (let part = 1; json !== undefined; part++) {
    yield json;
    json = await readLayoutPart(db, eventId, part);
  }
}

async function readLayoutPart(db: Database, eventId: string, part: number): Promise<string | undefined> {
  const rows = await db.query<{ json: string }>(
    'SELECT json FROM inventory.layouts WHERE event_id = $1 AND part = $2',
    [eventId, part],
  );
  return rows[0]?.json;
}

/** Every seat's state and version; undefined where there is no such event. */
export async function readSeats(db: Database, eventId: string): Promise<SeatMap | undefined> {
  const [row] = await db.query<{ now: Date; states: string | null; versions: number[] }>(
    `SELECT t.now,
            string_agg(CASE WHEN s.state = 'held' AND s.deadline <= t.now THEN 'A'
                            WHEN s.state = 'available' THEN 'A'
                            WHEN s.state = 'held' THEN 'H'
                            WHEN s.state = 'booked' THEN 'B'
                            WHEN s.state = 'blocked' THEN 'X' END, '' ORDER BY s.ordinal) AS states,
            array_agg(s.version ORDER BY s.ordinal) AS versions
       FROM (SELECT clock_timestamp() AS now) t
       LEFT JOIN inventory.seats s ON s.event_id = $1
      GROUP BY t.now`,
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
