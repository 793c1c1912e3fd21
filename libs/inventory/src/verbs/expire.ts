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
  const outcomes = new Map<string, ExpireOutcome>();
  const freed = new Map<string, string[]>();
  for (const { hold_id: holdId, outcome, now, deadline, seat_id: seatId } of rows) {
    const seatIds = freed.get(holdId) ?? [];
    freed.set(holdId, seatIds);
    if (seatId !== null) seatIds.push(seatId);
    else if (outcome === 'expired') outcomes.set(holdId, { holdId, outcome, deadline, releasedAt: now, seatIds });
    else if (outcome === 'not-due') outcomes.set(holdId, { holdId, outcome, deadline });
  }
  return asked.map((holdId) => outcomes.get(holdId) ?? { holdId, outcome: 'gone' });
}

/** Of a hold, or of a seat that was freed. */
type Row =
  | { hold_id: string; outcome: ExpireOutcome['outcome']; now: Date; deadline: Date; seat_id: null }
  | { hold_id: string; outcome: null; now: null; deadline: null; seat_id: string };

/**
 * HELD -> AVAILABLE, once the deadline is reached. Asked by the worker and by the sweeper, as often as they like: a hold
 * that is not due answers with its deadline, one that has ended answers gone. Frees whatever still carries the hold (the
 * rest was taken over, and its end told then), and closes the hold even if that is nothing. Locks seats, then holds.
 *
 * Nothing is joined with a list of the batch: planned as a nested loop, such a join compared every hold with every other
 * one, and three quarters of a release of 500 went there. What was locked is known, so the rest is told from it.
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
  SELECT s.seat_id, s.state, s.version, s.hold_id
    FROM (SELECT DISTINCT u.seat_id COLLATE "C" AS seat_id
            FROM request r CROSS JOIN LATERAL unnest(r.seat_ids) AS u (seat_id) ORDER BY 1) w
    CROSS JOIN LATERAL (
      SELECT s.seat_id, s.state, s.version, s.hold_id FROM inventory.seats s
       WHERE s.event_id = $1 AND s.seat_id = w.seat_id FOR UPDATE) s
), locked AS MATERIALIZED (
  SELECT h.hold_id, h.state, h.deadline
    FROM (SELECT hold_id FROM request ORDER BY hold_id) r
    CROSS JOIN LATERAL (
      SELECT h.hold_id, h.state, h.deadline FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id FOR UPDATE) h
   WHERE (SELECT count(*) FROM locked_seat) >= 0
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS locked_holds FROM locked
), due AS MATERIALIZED (
  SELECT h.hold_id FROM locked h CROSS JOIN t WHERE h.state = 'held' AND h.deadline <= t.now
), freed AS MATERIALIZED (
  SELECT s.seat_id, s.version + 1 AS version, s.hold_id FROM locked_seat s
   WHERE s.state = 'held' AND s.hold_id = ANY (ARRAY(SELECT hold_id FROM due))
), available AS (
  UPDATE inventory.seats s SET state = 'available', hold_id = NULL, deadline = NULL, version = s.version + 1
   WHERE s.event_id = $1 AND s.seat_id = ANY (ARRAY(SELECT seat_id FROM freed))
), closed AS (
  UPDATE inventory.holds h
     SET state = 'expired', version = h.version + 1, seat_count = 0, ended_at = (SELECT now FROM t)
   WHERE h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM due))
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, f.seat_id, f.version, 'expired', f.hold_id, 'system', $4, t.now FROM freed f CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $3, at, array_agg(seat_id ORDER BY seat_id), array_agg(seat_version ORDER BY seat_id)
    FROM entries GROUP BY at
)
SELECT h.hold_id, t.now, h.deadline, NULL AS seat_id,
       CASE WHEN h.state <> 'held' THEN 'gone' WHEN h.deadline <= t.now THEN 'expired' ELSE 'not-due' END AS outcome
  FROM locked h CROSS JOIN t
UNION ALL
SELECT f.hold_id, NULL, NULL, f.seat_id, NULL FROM freed f
`;
