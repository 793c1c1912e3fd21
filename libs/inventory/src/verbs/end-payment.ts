import type { Database } from '@holdfast/postgres';
import { assertEachOnce, inOrder, withoutConflicts, type Conflict } from '../batch';

export interface EndPaymentRequest {
  attemptId: string;
  holdId: string;
  reason: string;
}

/** `booked`: too late to end it, the attempt has its seats. `unbooked`: it had them, and gave them back. */
export type EndPaymentOutcome =
  { outcome: 'ended'; replayed: boolean } | { outcome: 'booked' } | { outcome: 'unbooked' };

/** Gives attempts up for good: whatever book command of theirs comes later is refused. The holds live on. */
export async function endPayment(
  db: Database,
  eventId: string,
  requests: EndPaymentRequest[],
): Promise<EndPaymentOutcome[]> {
  assertEachOnce(
    'attempt',
    requests.map((request) => request.attemptId),
  );
  return withoutConflicts(requests, async (asked) => {
    const rows = await db.query<{ i: number; outcome: 'ended' | 'replay' | 'booked' | 'unbooked' | 'conflict' }>(
      endPaymentSql,
      [
        eventId,
        asked.map((_, i) => i),
        asked.map((request) => request.attemptId),
        asked.map((request) => request.holdId),
        asked.map((request) => request.reason),
      ],
    );
    return inOrder(asked, rows, (_, { outcome }): EndPaymentOutcome | Conflict =>
      outcome === 'ended' || outcome === 'replay' ? { outcome: 'ended', replayed: outcome === 'replay' } : { outcome },
    );
  });
}

/**
 * HELD -> HELD, no longer being paid: the durable refusal of an attempt that ended without its booking (declined, given
 * up). A book command that arrives later finds it. An attempt that is booked stays booked and says so. Locks holds,
 * then fences; no seat changes, so the ledger has no entry.
 *
 * $1 event · requests $2 ordinal $3 attempt $4 hold $5 reason
 */
const endPaymentSql = `
WITH request AS (
  SELECT * FROM unnest($2::int[], $3::uuid[], $4::uuid[], $5::text[]) AS r (i, attempt_id, hold_id, reason)
), locked AS MATERIALIZED (
  SELECT h.hold_id
    FROM (SELECT DISTINCT hold_id FROM request ORDER BY hold_id) r
    CROSS JOIN LATERAL (
      SELECT h.hold_id FROM inventory.holds h WHERE h.event_id = $1 AND h.hold_id = r.hold_id FOR UPDATE) h
), fence AS (
  INSERT INTO inventory.fences AS f (event_id, attempt_id, hold_id, state, reason, decided_at)
  SELECT $1, r.attempt_id, r.hold_id, 'refused', r.reason, clock_timestamp()
    FROM request r
   WHERE (SELECT count(*) FROM locked) >= 0
   ORDER BY r.attempt_id
  ON CONFLICT (event_id, attempt_id) DO UPDATE
     SET state = 'refused', reason = excluded.reason, decided_at = excluded.decided_at
   WHERE f.state = 'begun'
  RETURNING f.attempt_id
), let_go AS (
  UPDATE inventory.holds h SET attempt_id = NULL
    FROM request r JOIN fence f ON f.attempt_id = r.attempt_id
   WHERE h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM request)) AND h.hold_id = r.hold_id
     AND h.attempt_id = r.attempt_id AND h.state = 'held'
)
SELECT r.i,
       CASE WHEN f.attempt_id IS NOT NULL THEN 'ended'
            WHEN k.state = 'refused' THEN 'replay'
            WHEN k.state IN ('booked', 'unbooked') THEN k.state::text
            ELSE 'conflict' END AS outcome
  FROM request r
  LEFT JOIN fence f ON f.attempt_id = r.attempt_id
  LEFT JOIN LATERAL (
    SELECT k.state FROM inventory.fences k WHERE k.event_id = $1 AND k.attempt_id = r.attempt_id OFFSET 0) k ON true
`;
