import { strict as assert } from 'node:assert';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { assertEachOnce, inOrder, withoutConflicts, type Conflict } from '../batch';

export interface UnbookRequest {
  attemptId: string;
  holdId: string;
  /** The refund whose seats these are; absent when the attempt's capture was refused. A repeat carries the same. */
  refundId?: string;
  /** Stands in the ledger. */
  reason: string;
  /** At least one; all that the hold still has when absent. */
  seatIds?: string[];
}

export type UnbookOutcome =
  | { outcome: 'unbooked'; replayed: boolean; seatIds: string[]; serverTime: Date }
  /** For good: a seat that was given back is never the hold's again. */
  | { outcome: 'refused'; reason: string };

/** Puts booked seats back on sale, for the attempt that booked them; all that are named or none. */
export async function unbook(db: Database, eventId: string, requests: UnbookRequest[]): Promise<UnbookOutcome[]> {
  const unbookId = ({ refundId, attemptId }: UnbookRequest): string => refundId ?? attemptId;
  assertEachOnce(
    'hold',
    requests.map((request) => request.holdId),
  );
  assertEachOnce('refund', requests.map(unbookId));
  // None named would read as all of them.
  for (const { seatIds } of requests) assert(seatIds?.length !== 0, 'at least one seat where seats are named');
  return withoutConflicts(requests, async (asked) => {
    const named = asked.flatMap(({ seatIds }, i) => [...new Set(seatIds)].map((seatId) => ({ i, seatId })));
    const rows = await db.query<Row>(unbookSql, [
      eventId,
      asked.map((_, i) => i),
      asked.map((request) => request.attemptId),
      asked.map((request) => request.holdId),
      asked.map(unbookId),
      asked.map((request) => request.reason),
      named.map((name) => name.i),
      named.map((name) => name.seatId),
      newId(),
    ]);
    return inOrder(asked, rows, (_, { outcome, seat_ids: seatIds, now: serverTime }): UnbookOutcome | Conflict => {
      if (outcome === 'conflict') return { outcome };
      if (outcome !== 'unbooked' && outcome !== 'replay') return { outcome: 'refused', reason: outcome };
      return { outcome: 'unbooked', replayed: outcome === 'replay', seatIds, serverTime };
    });
  });
}

interface Row {
  i: number;
  /** `unbooked`, `replay`, `conflict`, or why not. */
  outcome: string;
  now: Date;
  seat_ids: string[];
}

/**
 * BOOKED -> AVAILABLE, for a refund or a capture that failed: the seats named, or all that the hold still has; never some
 * of those named. Each seat ends by itself, the hold with its last. What was given back is recorded under the refund, for
 * its repeats. Locks seats, then holds, whose lock guards the fence; takes the record's row last.
 *
 * $1 event · requests $2 ordinal $3 attempt $4 hold $5 refund, or the attempt $6 reason
 * · seats named $7 ordinal $8 seat · $9 batch
 */
const unbookSql = `
WITH named AS (
  SELECT n.i, array_agg(n.seat_id ORDER BY n.seat_id COLLATE "C") AS seat_ids
    FROM unnest($7::int[], $8::text[]) AS n (i, seat_id) GROUP BY n.i
), request AS (
  SELECT r.*, h.version AS seen_version, h.seat_ids AS own, n.seat_ids AS named,
         d.hold_id AS known_hold_id, d.seat_ids AS known_seat_ids
    FROM unnest($2::int[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[])
         AS r (i, attempt_id, hold_id, unbook_id, reason)
    LEFT JOIN named n ON n.i = r.i
    LEFT JOIN LATERAL (
      SELECT * FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id OFFSET 0) h ON true
    LEFT JOIN LATERAL (
      SELECT * FROM inventory.unbookings d
       WHERE d.event_id = $1 AND d.unbook_id = r.unbook_id OFFSET 0) d ON true
), locked_seat AS MATERIALIZED (
  SELECT s.*
    FROM (SELECT u.seat_id FROM request r CROSS JOIN LATERAL unnest(r.own) AS u (seat_id)
           WHERE r.known_hold_id IS NULL AND (r.named IS NULL OR u.seat_id = ANY (r.named))
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
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS locked_holds FROM locked
), judged AS (
  SELECT r.*, c.carried,
         CASE
           WHEN r.known_hold_id <> r.hold_id OR r.named <> r.known_seat_ids THEN 'refund-id-used'
           WHEN r.known_hold_id IS NOT NULL THEN 'replay'
           WHEN h.attempt_id IS DISTINCT FROM r.attempt_id OR h.state NOT IN ('booked', 'unbooked') THEN 'not-booked'
           WHEN NOT r.named <@ h.seat_ids THEN 'foreign-seats'
           -- Changed since this snapshot, perhaps by this very refund: a fresh one will see its record.
           WHEN h.version <> r.seen_version THEN 'conflict'
           WHEN c.carried IS NULL OR cardinality(c.carried) < cardinality(r.named) THEN 'already-unbooked'
           ELSE 'free'
         END AS verdict
    FROM request r
    LEFT JOIN locked h ON h.i = r.i
    CROSS JOIN LATERAL (
      SELECT array_agg(s.seat_id ORDER BY s.seat_id) AS carried
        FROM locked_seat s WHERE s.state = 'booked' AND s.hold_id = r.hold_id) c
), gate AS (
  INSERT INTO inventory.unbookings (event_id, unbook_id, hold_id, seat_ids, decided_at)
  SELECT $1, j.unbook_id, j.hold_id, j.carried, t.now FROM judged j CROSS JOIN t
   WHERE j.verdict = 'free' ORDER BY j.unbook_id
  ON CONFLICT DO NOTHING
  RETURNING unbook_id
), winner AS MATERIALIZED (
  SELECT j.* FROM judged j JOIN gate g ON g.unbook_id = j.unbook_id WHERE j.verdict = 'free'
), freed AS (
  UPDATE inventory.seats s SET state = 'available', hold_id = NULL, version = s.version + 1
    FROM winner w
   WHERE s.event_id = $1 AND s.seat_id = ANY (ARRAY(SELECT seat_id FROM locked_seat))
     AND s.state = 'booked' AND s.hold_id = w.hold_id
  RETURNING s.seat_id, s.version, w.hold_id, w.reason
), closed AS (
  UPDATE inventory.holds h
     SET seat_count = h.seat_count - cardinality(w.carried), version = h.version + 1,
         state = CASE WHEN h.seat_count = cardinality(w.carried) THEN 'unbooked' ELSE h.state END,
         ended_at = CASE WHEN h.seat_count = cardinality(w.carried) THEN t.now END
    FROM winner w CROSS JOIN t
   WHERE h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM winner)) AND h.hold_id = w.hold_id
  RETURNING h.attempt_id, h.state
), fence AS (
  UPDATE inventory.fences f SET state = 'unbooked', decided_at = t.now
    FROM t
   WHERE f.event_id = $1
     AND f.attempt_id = ANY (ARRAY(SELECT c.attempt_id FROM closed c WHERE c.state = 'unbooked'))
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, f.seat_id, f.version, 'unbooked', f.hold_id, 'system', f.reason, t.now FROM freed f CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $9, at, array_agg(seat_id ORDER BY seat_id), array_agg(seat_version ORDER BY seat_id)
    FROM entries GROUP BY at
)
SELECT j.i,
       CASE WHEN j.verdict <> 'free' THEN j.verdict WHEN w.i IS NULL THEN 'conflict' ELSE 'unbooked' END AS outcome,
       t.now, coalesce(j.known_seat_ids, j.carried) AS seat_ids
  FROM judged j CROSS JOIN t
  LEFT JOIN winner w ON w.i = j.i
`;
