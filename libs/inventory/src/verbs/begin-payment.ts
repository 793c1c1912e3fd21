import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { assertEachOnce, inOrder, withoutConflicts, type Conflict } from '../batch';
import type { LatePayment } from '../events';

export interface BeginPaymentRequest {
  attemptId: string;
  holdId: string;
  buyerId: string;
  version?: number;
}

export type BeginPaymentOutcome =
  | {
      outcome: 'begun';
      replayed: boolean;
      /** The version under which `book` is fenced. */
      version: number;
      deadline: Date;
      amountMinor: number;
      currency: string;
      /** In the order of their ids; the prices sum to the amount. */
      seats: { seatId: string; priceMinor: number }[];
      /** What the event does with money that comes after the deadline. */
      latePayment: LatePayment;
      serverTime: Date;
    }
  | { outcome: 'refused'; reason: string; deadline?: Date; version?: number; serverTime: Date };

/** Marks holds as being paid, each by one attempt, and gives the pay grace where little time is left. */
export async function beginPayment(
  db: Database,
  eventId: string,
  requests: BeginPaymentRequest[],
): Promise<BeginPaymentOutcome[]> {
  assertEachOnce(
    'hold',
    requests.map((request) => request.holdId),
  );
  return withoutConflicts(requests, async (asked) => {
    const rows = await db.query<Row>(beginPaymentSql, [
      eventId,
      asked.map((_, i) => i),
      asked.map((request) => request.attemptId),
      asked.map((request) => request.holdId),
      asked.map((request) => request.buyerId),
      asked.map((request) => request.version ?? null),
      newId(),
    ]);
    return inOrder(asked, rows, (_, row) => toOutcome(row));
  });
}

interface Row {
  i: number;
  /** `begun`, `replay`, `conflict`, or why not. */
  outcome: string;
  now: Date;
  hold_deadline: Date | null;
  hold_version: number | null;
  version: number;
  deadline: Date;
  amount_minor: string;
  currency: string;
  late_payment: LatePayment;
  seats: { seatId: string; priceMinor: number }[];
}

function toOutcome(row: Row): BeginPaymentOutcome | Conflict {
  if (row.outcome === 'conflict') return { outcome: 'conflict' };
  if (row.outcome !== 'begun' && row.outcome !== 'replay') {
    return {
      outcome: 'refused',
      reason: row.outcome,
      deadline: row.hold_deadline ?? undefined,
      version: row.hold_version ?? undefined,
      serverTime: row.now,
    };
  }
  return {
    outcome: 'begun',
    replayed: row.outcome === 'replay',
    version: row.version,
    deadline: row.deadline,
    amountMinor: Number(row.amount_minor),
    currency: row.currency,
    seats: row.seats,
    latePayment: row.late_payment,
    serverTime: row.now,
  };
}

/**
 * HELD -> HELD, marked as being paid by one attempt, with the pay grace where little time is left (once per hold).
 * The answer is recorded for the attempt: a repeat gets the same version and deadline. Refusals leave no trace, for
 * nothing has been asked of the provider yet. Locks seats, buyers, holds.
 *
 * $1 event · requests $2 ordinal $3 attempt $4 hold $5 buyer $6 version seen, or null · $7 batch
 */
const beginPaymentSql = `
WITH event AS (
  SELECT * FROM inventory.events WHERE event_id = $1
), request AS (
  SELECT r.*, h.seat_ids, f.state AS fence_state, f.hold_version AS fence_version, f.deadline AS fence_deadline,
         f.reason AS fence_reason, f.hold_id AS fence_hold_id
    FROM unnest($2::int[], $3::uuid[], $4::uuid[], $5::text[], $6::int[])
         AS r (i, attempt_id, hold_id, buyer_id, version)
    LEFT JOIN LATERAL (
      SELECT * FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id AND h.buyer_id = r.buyer_id OFFSET 0) h ON true
    LEFT JOIN LATERAL (
      SELECT * FROM inventory.fences f
       WHERE f.event_id = $1 AND f.attempt_id = r.attempt_id OFFSET 0) f ON true
), locked_seat AS MATERIALIZED (
  SELECT s.*
    FROM (SELECT u.seat_id FROM request r CROSS JOIN LATERAL unnest(r.seat_ids) AS u (seat_id)
           ORDER BY u.seat_id COLLATE "C") u
    CROSS JOIN LATERAL (
      SELECT s.seat_id, s.state, s.hold_id, s.category FROM inventory.seats s
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
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id AND h.buyer_id = r.buyer_id FOR UPDATE) h
   WHERE (SELECT count(*) FROM locked_buyer) >= 0
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS locked_holds FROM locked
), judged AS (
  SELECT r.*, h.deadline, h.version AS hold_version, h.amount_minor, e.currency, e.late_payment,
         CASE
           WHEN r.fence_hold_id <> r.hold_id OR r.seat_ids IS NULL THEN 'unknown-hold'
           WHEN r.fence_reason IS NOT NULL THEN r.fence_reason
           WHEN r.fence_state IS NOT NULL THEN 'replay'
           -- Recorded by somebody since this snapshot: a fresh one will see it.
           WHEN h.attempt_id = r.attempt_id THEN 'conflict'
           WHEN h.state = 'expired' OR (h.state = 'held' AND h.deadline <= t.now) THEN 'expired'
           WHEN h.state <> 'held' THEN 'ended'
           WHEN r.version <> h.version THEN 'stale-version'
           WHEN h.attempt_id IS NOT NULL THEN 'payment-in-progress'
           WHEN (SELECT count(*) FROM locked_seat s WHERE s.hold_id = h.hold_id AND s.state = 'held')
                <> cardinality(h.seat_ids) THEN 'expired'
           ELSE 'free'
         END AS verdict,
         NOT h.grace_used AND h.deadline < g.latest AS grace,
         CASE WHEN h.grace_used THEN h.deadline ELSE greatest(h.deadline, g.latest) END AS new_deadline
    FROM request r
    CROSS JOIN t
    LEFT JOIN event e ON true
    LEFT JOIN locked h ON h.i = r.i
    CROSS JOIN LATERAL (
      SELECT date_trunc('milliseconds', t.now + e.pay_grace_seconds * interval '1 second') AS latest) g
), fence AS (
  INSERT INTO inventory.fences (event_id, attempt_id, hold_id, state, hold_version, deadline, decided_at)
  SELECT $1, j.attempt_id, j.hold_id, 'begun', j.hold_version + CASE WHEN j.grace THEN 1 ELSE 0 END,
         j.new_deadline, t.now
    FROM judged j CROSS JOIN t WHERE j.verdict = 'free'
   ORDER BY j.attempt_id
  ON CONFLICT DO NOTHING
  RETURNING attempt_id, hold_version, deadline
), winner AS MATERIALIZED (
  SELECT j.*, f.hold_version AS given_version FROM judged j JOIN fence f ON f.attempt_id = j.attempt_id
), counted AS (
  UPDATE inventory.buyers b SET version = b.version + 1
   WHERE b.event_id = $1 AND b.buyer_id = ANY (ARRAY(SELECT buyer_id FROM winner WHERE grace))
), kept AS (
  UPDATE inventory.seats s SET deadline = w.new_deadline, version = s.version + 1
    FROM winner w
   WHERE w.grace
     AND s.event_id = $1 AND s.seat_id = ANY (ARRAY(SELECT seat_id FROM locked_seat)) AND s.state = 'held' AND s.hold_id = w.hold_id
  RETURNING s.seat_id, s.version, s.hold_id
), marked AS (
  UPDATE inventory.holds h
     SET attempt_id = w.attempt_id, deadline = w.new_deadline, version = w.given_version,
         grace_used = h.grace_used OR w.grace
    FROM winner w
   WHERE h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM winner)) AND h.hold_id = w.hold_id
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, k.seat_id, k.version, 'extended', k.hold_id, 'system', 'pay-grace', t.now FROM kept k CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $7, at, array_agg(seat_id ORDER BY seat_id), array_agg(seat_version ORDER BY seat_id)
    FROM entries GROUP BY at
)
SELECT j.i,
       CASE WHEN j.verdict <> 'free' THEN j.verdict WHEN w.i IS NULL THEN 'conflict' ELSE 'begun' END AS outcome,
       t.now, j.deadline AS hold_deadline, j.hold_version,
       coalesce(j.fence_version, w.given_version) AS version, coalesce(j.fence_deadline, w.new_deadline) AS deadline,
       j.amount_minor, j.currency, j.late_payment,
       (SELECT json_agg(json_build_object('seatId', s.seat_id, 'priceMinor', k.price_minor) ORDER BY s.seat_id)
          FROM locked_seat s
          JOIN inventory.categories k ON k.event_id = $1 AND k.category = s.category
         WHERE s.seat_id = ANY (j.seat_ids)) AS seats
  FROM judged j CROSS JOIN t
  LEFT JOIN winner w ON w.i = j.i
`;
