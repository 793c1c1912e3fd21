import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { assertEachOnce, inOrder } from '../batch';

export interface UnbookRequest {
  attemptId: string;
  holdId: string;
  reason: string;
  /** All seats of the booking when absent. */
  seatIds?: string[];
}

export type UnbookOutcome =
  | { outcome: 'unbooked'; replayed: boolean; seatIds: string[]; serverTime: Date }
  | { outcome: 'refused'; reason: string };

/** Puts booked seats back on sale, for the attempt that booked them. */
export async function unbook(db: Database, eventId: string, requests: UnbookRequest[]): Promise<UnbookOutcome[]> {
  assertEachOnce(
    'hold',
    requests.map((request) => request.holdId),
  );
  const named = requests.flatMap(({ seatIds }, i) => (seatIds ?? []).map((seatId) => ({ i, seatId })));
  const rows = await db.query<Row>(unbookSql, [
    eventId,
    requests.map((_, i) => i),
    requests.map((request) => request.attemptId),
    requests.map((request) => request.holdId),
    requests.map((request) => request.reason),
    named.map((name) => name.i),
    named.map((name) => name.seatId),
    newId(),
  ]);
  return inOrder(requests, rows, (_, { outcome, seat_ids, now: serverTime }): UnbookOutcome => {
    if (outcome !== 'unbooked' && outcome !== 'replay') return { outcome: 'refused', reason: outcome };
    return { outcome: 'unbooked', replayed: outcome === 'replay', seatIds: seat_ids ?? [], serverTime };
  });
}

interface Row {
  i: number;
  /** `unbooked`, `replay`, or why not. */
  outcome: string;
  now: Date;
  seat_ids: string[] | null;
}

/**
 * BOOKED -> AVAILABLE, for a refund or a capture that failed: all seats of the attempt's booking, or those named.
 * A seat that the booking no longer carries is left alone, so a repeat changes nothing. The hold ends with its last
 * seat. Locks seats, holds, fences.
 *
 * $1 event · requests $2 ordinal $3 attempt $4 hold $5 reason · seats named $6 ordinal $7 seat · $8 batch
 */
const unbookSql = `
WITH named AS (
  SELECT * FROM unnest($6::int[], $7::text[]) AS n (i, seat_id)
), request AS (
  SELECT r.*, CASE WHEN EXISTS (SELECT FROM named n WHERE n.i = r.i)
                   THEN (SELECT array_agg(n.seat_id) FROM named n WHERE n.i = r.i AND n.seat_id = ANY (h.seat_ids))
                   ELSE h.seat_ids END AS seat_ids,
         (SELECT count(*) FROM named n WHERE n.i = r.i AND n.seat_id <> ALL (h.seat_ids)) AS foreign_seats
    FROM unnest($2::int[], $3::uuid[], $4::uuid[], $5::text[]) AS r (i, attempt_id, hold_id, reason)
    LEFT JOIN LATERAL (
      SELECT * FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id OFFSET 0) h ON true
), locked_seat AS MATERIALIZED (
  SELECT u.i, s.*
    FROM (SELECT r.i, u.seat_id FROM request r CROSS JOIN LATERAL unnest(r.seat_ids) AS u (seat_id)
           ORDER BY u.seat_id COLLATE "C") u
    CROSS JOIN LATERAL (
      SELECT s.seat_id, s.state, s.hold_id FROM inventory.seats s
       WHERE s.event_id = $1 AND s.seat_id = u.seat_id FOR UPDATE) s
), locked AS MATERIALIZED (
  SELECT r.i, h.*
    FROM (SELECT * FROM request ORDER BY hold_id) r
    CROSS JOIN LATERAL (
      SELECT * FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id FOR UPDATE) h
   WHERE (SELECT count(*) FROM locked_seat) >= 0
), locked_fence AS MATERIALIZED (
  SELECT r.i, f.*
    FROM (SELECT * FROM request ORDER BY attempt_id) r
    CROSS JOIN LATERAL (
      SELECT * FROM inventory.fences f
       WHERE f.event_id = $1 AND f.attempt_id = r.attempt_id FOR UPDATE) f
   WHERE (SELECT count(*) FROM locked) >= 0
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS locked_fences FROM locked_fence
), judged AS (
  SELECT r.*,
         CASE
           WHEN f.attempt_id IS NULL OR h.hold_id IS NULL OR f.hold_id <> h.hold_id
                OR f.state NOT IN ('booked', 'unbooked') THEN 'not-booked'
           WHEN r.foreign_seats > 0 THEN 'foreign-seats'
           WHEN NOT EXISTS (SELECT FROM locked_seat s
                             WHERE s.i = r.i AND s.state = 'booked' AND s.hold_id = r.hold_id) THEN 'replay'
           ELSE 'unbooked'
         END AS outcome
    FROM request r
    LEFT JOIN locked h ON h.i = r.i
    LEFT JOIN locked_fence f ON f.i = r.i
), freed AS (
  UPDATE inventory.seats s SET state = 'available', hold_id = NULL, version = s.version + 1
    FROM judged j
   WHERE j.outcome = 'unbooked'
     AND s.event_id = $1 AND s.seat_id = ANY (ARRAY(SELECT seat_id FROM locked_seat)) AND s.state = 'booked' AND s.hold_id = j.hold_id
  RETURNING s.seat_id, s.version, j.hold_id, j.attempt_id, j.reason
), counted AS (
  SELECT f.hold_id, f.attempt_id, count(*)::int AS seats FROM freed f GROUP BY f.hold_id, f.attempt_id
), closed AS (
  UPDATE inventory.holds h
     SET seat_count = h.seat_count - c.seats, version = h.version + 1,
         state = CASE WHEN h.seat_count = c.seats THEN 'unbooked' ELSE h.state END,
         ended_at = CASE WHEN h.seat_count = c.seats THEN t.now END
    FROM counted c CROSS JOIN t
   WHERE h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM counted)) AND h.hold_id = c.hold_id
  RETURNING h.hold_id, h.state
), fence AS (
  UPDATE inventory.fences f SET state = 'unbooked', decided_at = t.now
    FROM counted c JOIN closed h ON h.hold_id = c.hold_id AND h.state = 'unbooked' CROSS JOIN t
   WHERE f.event_id = $1 AND f.attempt_id = ANY (ARRAY(SELECT attempt_id FROM counted)) AND f.attempt_id = c.attempt_id
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, f.seat_id, f.version, 'unbooked', f.hold_id, 'system', f.reason, t.now FROM freed f CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $8, at, array_agg(seat_id ORDER BY seat_id), array_agg(seat_version ORDER BY seat_id)
    FROM entries GROUP BY at
)
SELECT j.i, j.outcome, t.now, j.seat_ids FROM judged j CROSS JOIN t
`;
