import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';

export type ExpireOutcome =
  | { holdId: string; outcome: 'expired'; deadline: Date; releasedAt: Date; seatIds: string[] }
  | { holdId: string; outcome: 'not-due'; deadline: Date }
  | { holdId: string; outcome: 'gone' };

/**
 * Frees the seats of holds that are due. Safe to ask early, late and often.
 *
 * @param reason stands in the ledger: who noticed, `due` (the engine) or `swept` (the sweeper)
 */
export async function expire(
  db: Database,
  eventId: string,
  holdIds: string[],
  reason: 'due' | 'swept',
): Promise<ExpireOutcome[]> {
  const asked = [...new Set(holdIds)];
  const rows = await db.query<Row>(expireSql, [eventId, asked, newId(), reason]);
  return rows.map((row) => {
    const { hold_id: holdId, deadline } = row;
    if (row.outcome === 'gone' || deadline === null) return { holdId, outcome: 'gone' };
    if (row.outcome === 'not-due') return { holdId, outcome: 'not-due', deadline };
    return { holdId, outcome: 'expired', deadline, releasedAt: row.now, seatIds: row.seat_ids };
  });
}

interface Row {
  hold_id: string;
  outcome: ExpireOutcome['outcome'];
  now: Date;
  deadline: Date | null;
  seat_ids: string[];
}

/**
 * HELD -> AVAILABLE, once the deadline is reached. Asked by the worker and by the sweeper, as often as they like: a hold
 * that is not due answers with its deadline, one that has ended answers gone. Frees whatever still carries the hold (the
 * rest was taken over, and its end told then), and closes the hold even if that is nothing. Locks seats, then holds.
 *
 * $1 event · $2 holds · $3 batch · $4 reason for the ledger
 */
const expireSql = `
WITH request AS (
  SELECT h.hold_id, h.seat_ids
    FROM unnest($2::uuid[]) AS r (hold_id)
    CROSS JOIN LATERAL (
      SELECT h.hold_id, h.seat_ids FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id AND h.state = 'held' OFFSET 0) h
), locked_seat AS MATERIALIZED (
  SELECT s.seat_id
    FROM (SELECT u.seat_id FROM request r CROSS JOIN LATERAL unnest(r.seat_ids) AS u (seat_id)
           ORDER BY u.seat_id COLLATE "C") w
    CROSS JOIN LATERAL (
      SELECT s.seat_id FROM inventory.seats s WHERE s.event_id = $1 AND s.seat_id = w.seat_id FOR UPDATE) s
), locked AS MATERIALIZED (
  SELECT h.hold_id, h.seat_ids, h.state, h.deadline
    FROM (SELECT hold_id FROM request ORDER BY hold_id) r
    CROSS JOIN LATERAL (
      SELECT h.hold_id, h.seat_ids, h.state, h.deadline FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id FOR UPDATE) h
   WHERE (SELECT count(*) FROM locked_seat) >= 0
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS locked_holds FROM locked
), due AS MATERIALIZED (
  SELECT h.hold_id, h.seat_ids FROM locked h CROSS JOIN t WHERE h.state = 'held' AND h.deadline <= t.now
), freed AS (
  UPDATE inventory.seats s SET state = 'available', hold_id = NULL, deadline = NULL, version = s.version + 1
    FROM due d
   WHERE s.event_id = $1
     AND s.seat_id = ANY (ARRAY(SELECT u.seat_id FROM due d CROSS JOIN LATERAL unnest(d.seat_ids) AS u (seat_id)))
     AND s.state = 'held' AND s.hold_id = d.hold_id
  RETURNING s.seat_id, s.version, d.hold_id
), closed AS (
  UPDATE inventory.holds h
     SET state = 'expired', version = h.version + 1, seat_count = 0, ended_at = t.now
    FROM due d CROSS JOIN t
   WHERE h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM due)) AND h.hold_id = d.hold_id
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, f.seat_id, f.version, 'expired', f.hold_id, 'system', $4, t.now FROM freed f CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $3, at, array_agg(seat_id ORDER BY seat_id), array_agg(seat_version ORDER BY seat_id)
    FROM entries GROUP BY at
)
SELECT r.hold_id, t.now, h.deadline,
       CASE WHEN d.hold_id IS NOT NULL THEN 'expired' WHEN h.state = 'held' THEN 'not-due' ELSE 'gone' END AS outcome,
       coalesce((SELECT array_agg(f.seat_id) FROM freed f WHERE f.hold_id = r.hold_id), '{}') AS seat_ids
  FROM unnest($2::uuid[]) AS r (hold_id)
  CROSS JOIN t
  LEFT JOIN locked h ON h.hold_id = r.hold_id
  LEFT JOIN due d ON d.hold_id = r.hold_id
`;
