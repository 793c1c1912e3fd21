import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';

const FREE = `(state = 'available' OR (state = 'held' AND deadline <= (SELECT clock_timestamp())))`;
const TAKE = `SET state = 'held', hold_id = $3, deadline = clock_timestamp() + interval '1 hour', version = version + 1`;
const LOCK_NOT_AVAILABLE = '55P03';

/** How Postgres alone refuses those who come too late: a statement each, without anything in front of it. */
export const DATABASE_VARIANTS = ['unguarded', 'nowait', 'advisory'] as const;
export type DatabaseVariant = (typeof DATABASE_VARIANTS)[number];

const STATEMENTS: Record<DatabaseVariant, string> = {
  // Waits for the row, then finds it taken.
  unguarded: `UPDATE inventory.seats ${TAKE} WHERE event_id = $1 AND seat_id = $2 AND ${FREE} RETURNING 1`,
  // Refuses at once while another has the row.
  nowait: `
    WITH locked AS MATERIALIZED (
      SELECT seat_id FROM inventory.seats WHERE event_id = $1 AND seat_id = $2 AND ${FREE} FOR UPDATE NOWAIT)
    UPDATE inventory.seats s ${TAKE} FROM locked l WHERE s.event_id = $1 AND s.seat_id = l.seat_id RETURNING 1`,
  // Refuses at once while another is about to take the row.
  advisory: `
    WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(hashtextextended($1::uuid::text || $2::text, 0)) AS mine)
    UPDATE inventory.seats ${TAKE} WHERE (SELECT mine FROM turn) AND event_id = $1 AND seat_id = $2 AND ${FREE} RETURNING 1`,
};

/** @returns whether the seat was taken for this request */
export async function takeByStatement(
  database: Database,
  variant: DatabaseVariant,
  eventId: string,
  seatId: string,
): Promise<boolean> {
  try {
    return (await database.query(STATEMENTS[variant], [eventId, seatId, newId()])).length > 0;
  } catch (error) {
    if ((error as { code?: string }).code === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}
