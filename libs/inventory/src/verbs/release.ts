import { strict as assert } from 'node:assert';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { assertEachOnce, inOrder } from '../batch';
import { holdRefusal, type HoldRefusal, type RefusalRow } from '../hold-refusal';
import { rereadHolds, type Hold } from '../holds';

export interface ReleaseRequest {
  holdId: string;
  buyerId: string;
  version?: number;
}

export type ReleaseOutcome = { outcome: 'released'; replayed: boolean; hold: Hold; serverTime: Date } | HoldRefusal;

/** Gives seats back before the deadline, for their owners. Releasing again what is released says so again. */
export async function release(db: Database, eventId: string, requests: ReleaseRequest[]): Promise<ReleaseOutcome[]> {
  assertEachOnce(
    'hold',
    requests.map((request) => request.holdId),
  );
  const rows = await db.query<Row>(releaseSql, [
    eventId,
    requests.map((_, i) => i),
    requests.map((request) => request.holdId),
    requests.map((request) => request.buyerId),
    requests.map((request) => request.version ?? null),
    newId(),
  ]);
  const holds = await rereadHolds(
    db,
    eventId,
    requests.map((request) => request.holdId),
  );
  return inOrder(requests, rows, (request, row) => {
    if (row.outcome !== 'released' && row.outcome !== 'replay') return holdRefusal(row.outcome, row);
    const hold = holds.get(request.holdId);
    assert(hold, 'a released hold is there');
    return { outcome: 'released', replayed: row.outcome === 'replay', hold, serverTime: row.now };
  });
}

interface Row extends RefusalRow {
  i: number;
  outcome: ReleaseOutcome['outcome'] | 'replay';
  now: Date;
}

/**
 * HELD -> AVAILABLE, by the owner, before the deadline. Frees whatever still carries the hold, then closes the hold.
 * Locks seats, then holds. A payment under way does not stop its buyer: its fence will be refused and nothing charged.
 *
 * $1 event · requests $2 ordinal $3 hold $4 buyer $5 version seen, or null · $6 batch
 */
const releaseSql = `
WITH request AS (
  SELECT r.*, h.seat_ids
    FROM unnest($2::int[], $3::uuid[], $4::text[], $5::int[]) AS r (i, hold_id, buyer_id, version)
    LEFT JOIN LATERAL (
      SELECT * FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id AND h.buyer_id = r.buyer_id OFFSET 0) h ON true
), locked_seat AS MATERIALIZED (
  SELECT s.*
    FROM (SELECT u.seat_id FROM request r CROSS JOIN LATERAL unnest(r.seat_ids) AS u (seat_id)
           ORDER BY u.seat_id COLLATE "C") u
    CROSS JOIN LATERAL (
      SELECT s.seat_id FROM inventory.seats s
       WHERE s.event_id = $1 AND s.seat_id = u.seat_id FOR UPDATE) s
), locked AS MATERIALIZED (
  SELECT r.i, h.*
    FROM (SELECT * FROM request ORDER BY hold_id) r
    CROSS JOIN LATERAL (
      SELECT * FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id AND h.buyer_id = r.buyer_id FOR UPDATE) h
   WHERE (SELECT count(*) FROM locked_seat) >= 0
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS locked_holds FROM locked
), judged AS (
  SELECT r.*, h.state, h.deadline, h.version AS hold_version,
         CASE
           WHEN h.hold_id IS NULL THEN 'unknown-hold'
           WHEN h.state = 'released' THEN 'replay'
           WHEN h.state = 'expired' OR (h.state = 'held' AND h.deadline <= t.now) THEN 'expired'
           WHEN h.state <> 'held' THEN 'ended'
           WHEN r.version <> h.version THEN 'stale-version'
           ELSE 'released'
         END AS outcome
    FROM request r CROSS JOIN t LEFT JOIN locked h ON h.i = r.i
), freed AS (
  UPDATE inventory.seats s SET state = 'available', hold_id = NULL, deadline = NULL, version = s.version + 1
    FROM judged j
   WHERE j.outcome = 'released'
     AND s.event_id = $1 AND s.seat_id = ANY (ARRAY(SELECT seat_id FROM locked_seat)) AND s.state = 'held' AND s.hold_id = j.hold_id
  RETURNING s.seat_id, s.version, j.hold_id
), closed AS (
  UPDATE inventory.holds h
     SET state = 'released', version = h.version + 1, seat_count = 0, ended_at = t.now
    FROM judged j CROSS JOIN t
   WHERE j.outcome = 'released'
     AND h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM locked)) AND h.hold_id = j.hold_id
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, f.seat_id, f.version, 'released', f.hold_id, 'buyer', NULL, t.now FROM freed f CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $6, at, array_agg(seat_id ORDER BY seat_id), array_agg(seat_version ORDER BY seat_id)
    FROM entries GROUP BY at
)
SELECT j.i, j.outcome, t.now, j.state, j.deadline, j.hold_version FROM judged j CROSS JOIN t
`;
