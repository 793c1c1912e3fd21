import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { only, withoutConflicts, type Conflict } from '../batch';

export interface LateBookRequest {
  attemptId: string;
  /** The hold that ran out. */
  holdId: string;
  /** UUIDv7 made by the caller, the same in every repeat; never used again for another hold. */
  newHoldId: string;
}

export type LateBookOutcome =
  | { outcome: 'booked'; replayed: boolean; holdId: string; seatIds: string[]; serverTime: Date }
  | { outcome: 'refused'; reason: string; serverTime: Date };

/**
 * The fence's second chance, where the event allows it: takes and books the seats of a hold that ran out, all or none,
 * for the attempt that began on it. Whatever the answer is, it is for good: a repeat gets it again, and no `book` of the
 * attempt can win any more. An attempt that is booked already is answered with the hold it has.
 */
export async function lateBook(db: Database, eventId: string, request: LateBookRequest): Promise<LateBookOutcome> {
  const { attemptId, holdId, newHoldId } = request;
  const outcomes = await withoutConflicts([request], async () => {
    const rows = await db.query<Row>(lateBookSql, [eventId, attemptId, holdId, newHoldId, newId()]);
    return rows.map((row): LateBookOutcome | Conflict => {
      const { outcome, now: serverTime } = row;
      if (outcome === 'conflict') return { outcome };
      if (outcome !== 'booked' && outcome !== 'replay') return { outcome: 'refused', reason: outcome, serverTime };
      const replayed = outcome === 'replay';
      return { outcome: 'booked', replayed, holdId: row.booked_hold_id, seatIds: row.seat_ids, serverTime };
    });
  });
  return only(outcomes);
}

interface Row {
  /** `booked`, `replay`, `conflict`, or why not. */
  outcome: string;
  now: Date;
  booked_hold_id: string;
  seat_ids: string[];
}

/**
 * AVAILABLE, or HELD and run out -> BOOKED, by a new hold that replaces the one that ran out: same buyer, same seats, same
 * price. The old hold stays what it is; nobody's hold ever comes to life again. Sale and limit per buyer are checked as
 * for any other hold. A late payment comes alone, so one request is a batch. Locks seats, buyers, holds, fences.
 *
 * $1 event · $2 attempt · $3 hold that ran out · $4 new hold · $5 batch
 */
const lateBookSql = `
WITH event AS (
  SELECT * FROM inventory.events WHERE event_id = $1
), request AS (
  SELECT h.seat_ids, h.buyer_id, (
           SELECT b.version FROM inventory.buyers b
            WHERE b.event_id = $1 AND b.buyer_id = h.buyer_id) AS buyer_version
    FROM inventory.holds h WHERE h.event_id = $1 AND h.hold_id = $3
), locked_seat AS MATERIALIZED (
  SELECT s.*
    FROM (SELECT u.seat_id FROM request r CROSS JOIN LATERAL unnest(r.seat_ids) AS u (seat_id)
           ORDER BY u.seat_id COLLATE "C") u
    CROSS JOIN LATERAL (
      SELECT s.seat_id, s.state, s.hold_id, s.deadline FROM inventory.seats s
       WHERE s.event_id = $1 AND s.seat_id = u.seat_id FOR UPDATE) s
), locked_buyer AS MATERIALIZED (
  SELECT b.*, r.buyer_version
    FROM request r
    CROSS JOIN LATERAL (
      SELECT b.buyer_id, b.version FROM inventory.buyers b
       WHERE b.event_id = $1 AND b.buyer_id = r.buyer_id FOR UPDATE) b
   WHERE (SELECT count(*) FROM locked_seat) >= 0
), locked AS MATERIALIZED (
  SELECT h.*
    FROM request r
    CROSS JOIN LATERAL (
      SELECT * FROM inventory.holds h WHERE h.event_id = $1 AND h.hold_id = $3 FOR UPDATE) h
   WHERE (SELECT count(*) FROM locked_buyer) >= 0
), locked_fence AS MATERIALIZED (
  SELECT f.* FROM inventory.fences f
   WHERE f.event_id = $1 AND f.attempt_id = $2 AND (SELECT count(*) FROM locked) >= 0
     FOR UPDATE
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS locked_fences FROM locked_fence
), judged AS (
  SELECT h.buyer_id, h.seat_ids, h.amount_minor, f.attempt_id IS NOT NULL AS has_fence,
         coalesce(f.late_hold_id, f.hold_id) AS fence_hold_id,
         date_trunc('milliseconds', t.now + e.hold_seconds * interval '1 second') AS deadline,
         CASE
           WHEN f.late_reason IS NOT NULL THEN f.late_reason
           WHEN h.hold_id IS NULL OR f.hold_id <> h.hold_id THEN 'unknown-hold'
           WHEN f.state = 'booked' THEN 'replay'
           WHEN f.state = 'unbooked' THEN 'unbooked'
           -- Begun by somebody since this snapshot: a fresh one will see it.
           WHEN f.attempt_id IS NULL AND h.attempt_id = $2 THEN 'conflict'
           WHEN f.hold_version IS NULL THEN 'not-begun'
           WHEN h.state = 'held' AND h.deadline > t.now THEN 'not-expired'
           WHEN h.state NOT IN ('held', 'expired') THEN 'ended'
           WHEN e.late_payment <> 'same-seats-if-free' THEN 'not-allowed'
           WHEN e.closed_at IS NOT NULL OR t.now < e.sale_starts_at OR t.now >= e.sale_ends_at THEN 'not-on-sale'
           WHEN (SELECT count(*) FROM locked_seat s
                  WHERE s.state = 'available' OR (s.state = 'held' AND s.deadline <= t.now))
                <> cardinality(h.seat_ids) THEN 'seats-taken'
           -- Compare-and-set: what this snapshot counts for the limit is true only while the version stands.
           WHEN b.version <> b.buyer_version THEN 'conflict'
           WHEN (SELECT coalesce(sum(o.seat_count), 0) FROM inventory.holds o
                  WHERE o.event_id = $1 AND o.buyer_id = h.buyer_id
                    AND (o.state = 'booked' OR (o.state = 'held' AND o.deadline > t.now)))
                + cardinality(h.seat_ids) > e.seats_per_buyer_max THEN 'buyer-limit'
           WHEN EXISTS (SELECT FROM inventory.holds o WHERE o.event_id = $1 AND o.hold_id = $4) THEN 'hold-id-used'
           ELSE 'free'
         END AS verdict
    FROM t
    LEFT JOIN event e ON true
    LEFT JOIN locked_buyer b ON true
    LEFT JOIN locked h ON true
    LEFT JOIN locked_fence f ON true
), winner AS MATERIALIZED (
  SELECT j.* FROM judged j WHERE j.verdict = 'free'
), refused AS (
  INSERT INTO inventory.fences AS f (event_id, attempt_id, hold_id, state, reason, late_reason, decided_at)
  SELECT $1, $2, $3, 'refused', j.verdict, j.verdict, t.now
    FROM judged j CROSS JOIN t
   WHERE j.verdict NOT IN ('free', 'replay', 'conflict', 'unbooked')
  ON CONFLICT (event_id, attempt_id) DO UPDATE
     SET state = 'refused', reason = coalesce(f.reason, excluded.reason), late_reason = excluded.late_reason,
         decided_at = excluded.decided_at
   WHERE f.state IN ('begun', 'refused') AND f.late_reason IS NULL
  RETURNING f.attempt_id
), let_go AS (
  -- A refused attempt no longer stands in the way of another payment of its hold, if that still lives.
  UPDATE inventory.holds h SET attempt_id = NULL
   WHERE h.event_id = $1 AND h.hold_id = $3 AND h.attempt_id = $2 AND h.state = 'held'
     AND EXISTS (SELECT FROM refused)
), fence AS (
  UPDATE inventory.fences f
     SET state = 'booked', reason = coalesce(f.reason, 'expired'), late_hold_id = $4, decided_at = t.now
    FROM winner w CROSS JOIN t
   WHERE f.event_id = $1 AND f.attempt_id = $2
), counted AS (
  UPDATE inventory.buyers b SET version = b.version + 1
   WHERE b.event_id = $1 AND b.buyer_id = ANY (ARRAY(SELECT buyer_id FROM winner))
), sold AS (
  -- The new hold and its booking are two entries, the end of a run-out hold is a third: the version rises by as many.
  UPDATE inventory.seats s
     SET state = 'booked', hold_id = $4, deadline = NULL,
         version = s.version + CASE l.state WHEN 'held' THEN 3 ELSE 2 END
    FROM winner w
    JOIN locked_seat l ON true
    CROSS JOIN t
   WHERE s.event_id = $1 AND s.seat_id = ANY (ARRAY(SELECT seat_id FROM locked_seat)) AND s.seat_id = l.seat_id
     -- By the locked row: this statement's own snapshot may be older than the lock, and would pass over a seat freed since.
     AND (l.state = 'available' OR (l.state = 'held' AND l.deadline <= t.now))
  RETURNING s.seat_id, s.version, l.hold_id AS run_out_hold_id
), placed AS (
  INSERT INTO inventory.holds
         (event_id, hold_id, buyer_id, replaces_hold_id, attempt_id, state, version, seat_ids, seat_count, amount_minor,
          held_at, first_deadline, deadline)
  SELECT $1, $4, w.buyer_id, $3, $2, 'booked', 2, w.seat_ids, cardinality(w.seat_ids), w.amount_minor,
         t.now, w.deadline, w.deadline
    FROM winner w CROSS JOIN t
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, s.seat_id, s.version - 2, 'expired'::inventory.ledger_kind, s.run_out_hold_id, 'system'::inventory.ledger_actor, 'taken-over', t.now
    FROM sold s CROSS JOIN t WHERE s.run_out_hold_id IS NOT NULL
  UNION ALL
  SELECT $1, s.seat_id, s.version - 1, 'held', $4, 'buyer', 'late-payment', t.now FROM sold s CROSS JOIN t
  UNION ALL
  SELECT $1, s.seat_id, s.version, 'booked', $4, 'buyer', 'late-payment', t.now FROM sold s CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $5, at, array_agg(seat_id ORDER BY seat_id, seat_version),
         array_agg(seat_version ORDER BY seat_id, seat_version)
    FROM entries GROUP BY at
)
SELECT CASE WHEN j.verdict = 'free' THEN 'booked'
            -- Its row was written by somebody since this snapshot: a fresh one will see it.
            WHEN NOT j.has_fence AND NOT EXISTS (SELECT FROM refused) THEN 'conflict'
            ELSE j.verdict END AS outcome,
       t.now, j.seat_ids, CASE j.verdict WHEN 'free' THEN $4 ELSE j.fence_hold_id END AS booked_hold_id
  FROM judged j CROSS JOIN t
`;
