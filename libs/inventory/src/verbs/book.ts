import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { assertEachOnce, inOrder, withoutConflicts, type Conflict } from '../batch';

export interface BookRequest {
  attemptId: string;
  holdId: string;
  /** The version `begin-payment` answered with. */
  version: number;
}

export type BookOutcome =
  | { outcome: 'booked'; replayed: boolean; version: number; seatIds: string[]; serverTime: Date }
  | { outcome: 'refused'; reason: string; serverTime: Date };

/** The fence of a payment. A repeat gets the same answer, also after the deadline; a refusal is for good. */
export async function book(db: Database, eventId: string, requests: BookRequest[]): Promise<BookOutcome[]> {
  assertEachOnce(
    'hold',
    requests.map((request) => request.holdId),
  );
  assertEachOnce(
    'attempt',
    requests.map((request) => request.attemptId),
  );
  return withoutConflicts(requests, async (asked) => {
    const rows = await db.query<Row>(bookSql, [
      eventId,
      asked.map((_, i) => i),
      asked.map((request) => request.attemptId),
      asked.map((request) => request.holdId),
      asked.map((request) => request.version),
      newId(),
    ]);
    return inOrder(asked, rows, (_, { outcome, version, seat_ids, now: serverTime }): BookOutcome | Conflict => {
      if (outcome === 'conflict') return { outcome };
      if (outcome !== 'booked' && outcome !== 'replay') return { outcome: 'refused', reason: outcome, serverTime };
      return { outcome: 'booked', replayed: outcome === 'replay', version, seatIds: seat_ids ?? [], serverTime };
    });
  });
}

interface Row {
  i: number;
  /** `booked`, `replay`, `conflict`, or why not. */
  outcome: string;
  now: Date;
  version: number;
  seat_ids: string[] | null;
}

/**
 * HELD -> BOOKED: the fence. Succeeds only for the attempt that began, under the version it was given, before the
 * deadline, with every seat still carrying the hold. A refusal is as durable as a booking: it is recorded for the
 * attempt, and only then may the payment be given up. Locks seats, buyers, holds, fences.
 *
 * $1 event · requests $2 ordinal $3 attempt $4 hold $5 version begun under · $6 batch
 */
const bookSql = `
WITH request AS (
  SELECT r.*, h.seat_ids, h.buyer_id
    FROM unnest($2::int[], $3::uuid[], $4::uuid[], $5::int[]) AS r (i, attempt_id, hold_id, version)
    LEFT JOIN LATERAL (
      SELECT * FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id OFFSET 0) h ON true
), locked_seat AS MATERIALIZED (
  SELECT s.*
    FROM (SELECT u.seat_id FROM request r CROSS JOIN LATERAL unnest(r.seat_ids) AS u (seat_id)
           ORDER BY u.seat_id COLLATE "C") u
    CROSS JOIN LATERAL (
      SELECT s.seat_id, s.state, s.hold_id, s.deadline FROM inventory.seats s
       WHERE s.event_id = $1 AND s.seat_id = u.seat_id FOR UPDATE) s
), locked_buyer AS MATERIALIZED (
  SELECT b.buyer_id
    FROM (SELECT DISTINCT r.buyer_id COLLATE "C" AS buyer_id FROM request r ORDER BY 1) r
    CROSS JOIN LATERAL (
      SELECT b.buyer_id FROM inventory.buyers b
       WHERE b.event_id = $1 AND b.buyer_id = r.buyer_id FOR UPDATE) b
   WHERE (SELECT count(*) FROM locked_seat) >= 0
), locked AS MATERIALIZED (
  SELECT r.i, h.*
    FROM (SELECT * FROM request ORDER BY hold_id) r
    CROSS JOIN LATERAL (
      SELECT * FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id FOR UPDATE) h
   WHERE (SELECT count(*) FROM locked_buyer) >= 0
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
  SELECT r.*, f.state AS fence_state, f.reason AS fence_reason, f.hold_version AS fence_version, h.attempt_id AS hold_attempt,
         CASE
           -- Also where late-book has won since: not this hold's seats.
           WHEN f.reason IS NOT NULL THEN f.reason
           WHEN f.state = 'booked' THEN 'replay'
           WHEN f.state = 'unbooked' THEN 'unbooked'
           WHEN f.hold_id <> r.hold_id OR h.hold_id IS NULL THEN 'unknown-hold'
           -- Begun by somebody since this snapshot: a fresh one will see it.
           WHEN f.attempt_id IS NULL AND h.attempt_id = r.attempt_id THEN 'conflict'
           WHEN f.attempt_id IS NULL THEN 'not-begun'
           WHEN h.state = 'expired' OR (h.state = 'held' AND h.deadline <= t.now) THEN 'expired'
           WHEN h.state <> 'held' OR h.attempt_id <> r.attempt_id THEN 'ended'
           WHEN h.version <> r.version THEN 'stale-version'
           WHEN (SELECT count(*) FROM locked_seat s
                  WHERE s.hold_id = h.hold_id AND s.state = 'held' AND s.deadline > t.now)
                <> cardinality(h.seat_ids) THEN 'taken-over'
           ELSE 'free'
         END AS verdict
    FROM request r CROSS JOIN t
    LEFT JOIN locked h ON h.i = r.i
    LEFT JOIN locked_fence f ON f.i = r.i
), winner AS MATERIALIZED (
  SELECT j.* FROM judged j WHERE j.verdict = 'free'
), refused AS (
  INSERT INTO inventory.fences AS f (event_id, attempt_id, hold_id, state, reason, decided_at)
  SELECT $1, j.attempt_id, j.hold_id, 'refused', j.verdict, t.now
    FROM judged j CROSS JOIN t
   WHERE j.verdict IN ('unknown-hold', 'not-begun', 'expired', 'ended', 'stale-version', 'taken-over')
     AND j.fence_reason IS NULL
   ORDER BY j.attempt_id
  ON CONFLICT (event_id, attempt_id) DO UPDATE
     SET state = 'refused', reason = excluded.reason, decided_at = excluded.decided_at
   WHERE f.state = 'begun'
  RETURNING f.attempt_id
), let_go AS (
  -- A refused attempt no longer stands in the way of another payment of the same hold.
  UPDATE inventory.holds h SET attempt_id = NULL
    FROM judged j JOIN refused x ON x.attempt_id = j.attempt_id
   WHERE h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM request)) AND h.hold_id = j.hold_id
     AND h.attempt_id = j.attempt_id AND h.state = 'held'
), fence AS (
  UPDATE inventory.fences f SET state = 'booked', hold_version = w.version + 1, decided_at = t.now
    FROM winner w CROSS JOIN t
   WHERE f.event_id = $1 AND f.attempt_id = ANY (ARRAY(SELECT attempt_id FROM winner)) AND f.attempt_id = w.attempt_id
), counted AS (
  UPDATE inventory.buyers b SET version = b.version + 1
   WHERE b.event_id = $1 AND b.buyer_id = ANY (ARRAY(SELECT buyer_id FROM winner))
), sold AS (
  UPDATE inventory.seats s SET state = 'booked', deadline = NULL, version = s.version + 1
    FROM winner w
   WHERE s.event_id = $1 AND s.seat_id = ANY (ARRAY(SELECT seat_id FROM locked_seat)) AND s.state = 'held' AND s.hold_id = w.hold_id
  RETURNING s.seat_id, s.version, s.hold_id
), closed AS (
  UPDATE inventory.holds h SET state = 'booked', version = h.version + 1
    FROM winner w
   WHERE h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM winner)) AND h.hold_id = w.hold_id
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, s.seat_id, s.version, 'booked', s.hold_id, 'buyer', NULL, t.now FROM sold s CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $6, at, array_agg(seat_id ORDER BY seat_id), array_agg(seat_version ORDER BY seat_id)
    FROM entries GROUP BY at
)
SELECT j.i,
       CASE WHEN j.verdict = 'free' THEN 'booked'
            WHEN j.verdict IN ('replay', 'conflict', 'unbooked') OR j.fence_reason IS NOT NULL THEN j.verdict
            WHEN x.attempt_id IS NULL THEN 'conflict'
            ELSE j.verdict END AS outcome,
       t.now, j.seat_ids, coalesce(CASE WHEN j.verdict = 'replay' THEN j.fence_version END, j.version + 1) AS version
  FROM judged j CROSS JOIN t
  LEFT JOIN refused x ON x.attempt_id = j.attempt_id
`;
