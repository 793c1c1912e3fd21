import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { assertEachOnce, missing, only, withoutConflicts, type Conflict } from '../batch';
import { conflictIfRecorded } from '../recorded-keys';
import type { SeatState } from '../seat-lifecycle';

export interface BlockRequest {
  organiserId: string;
  key: string;
  bodyHash: Buffer;
  seatIds: string[];
  reason?: string;
}

export type BlockOutcome =
  | { outcome: 'blocked' | 'unblocked'; replayed: boolean; seatIds: string[]; serverTime: Date }
  | { outcome: 'unknown-seats'; seatIds: string[] }
  | { outcome: 'seats-taken' | 'not-blocked'; seats: { seatId: string; state: SeatState }[]; serverTime: Date }
  | { outcome: 'key-reused' };

/** Takes seats off sale for the house, all or none. */
export function block(db: Database, eventId: string, request: BlockRequest): Promise<BlockOutcome> {
  return changeBlock(db, 'block', eventId, request);
}

/** Puts blocked seats back on sale, all or none. */
export function unblock(db: Database, eventId: string, request: BlockRequest): Promise<BlockOutcome> {
  return changeBlock(db, 'unblock', eventId, request);
}

type BlockVerb = 'block' | 'unblock';

async function changeBlock(
  db: Database,
  verb: BlockVerb,
  eventId: string,
  request: BlockRequest,
): Promise<BlockOutcome> {
  assertEachOnce('seat', request.seatIds);
  const { organiserId, key, bodyHash, seatIds, reason } = request;
  const sql = verb === 'block' ? blockSql : unblockSql;
  const outcomes = await withoutConflicts([request], async () => {
    const rows = await db.query<Row>(sql, [eventId, organiserId, key, bodyHash, seatIds, reason ?? null, newId()]);
    const asked = rows.map((row) => toOutcome(verb, seatIds, row));
    return conflictIfRecorded(db, eventId, verb, [{ actorId: organiserId, key }], asked);
  });
  return only(outcomes);
}

function toOutcome(verb: BlockVerb, seatIds: string[], row: Row): BlockOutcome | Conflict {
  const serverTime = row.now;
  switch (row.outcome) {
    case 'replay':
      return { outcome: `${verb}ed`, replayed: true, seatIds, serverTime };
    case 'blocked':
    case 'unblocked':
      return { outcome: row.outcome, replayed: false, seatIds, serverTime };
    case 'unknown-seats':
      return { outcome: row.outcome, seatIds: missing(seatIds, row.found ?? []) };
    case 'seats-taken':
    case 'not-blocked':
      return { outcome: row.outcome, seats: row.refused_by ?? [], serverTime };
    case 'key-reused':
    case 'conflict':
      return { outcome: row.outcome };
  }
}

interface Row {
  outcome: BlockOutcome['outcome'] | 'replay' | 'conflict';
  now: Date;
  found: string[] | null;
  refused_by: { seatId: string; state: SeatState }[] | null;
}

/**
 * AVAILABLE, or HELD and run out -> BLOCKED, by the organiser: all of the seats or none.
 * Locks seats, then takes the key's row, which is the gate of the same key raced from elsewhere.
 *
 * $1 event · $2 organiser · $3 key · $4 body hash · $5 seats · $6 reason, or null · $7 batch
 */
const blockSql = `
WITH known AS (
  SELECT k.body_hash FROM inventory.idempotency_keys k
   WHERE k.event_id = $1 AND k.actor_id = $2 AND k.verb = 'block' AND k.key = $3
), locked AS MATERIALIZED (
  SELECT s.*
    FROM inventory.seats s
   WHERE s.event_id = $1 AND s.seat_id = ANY ($5::text[]) AND NOT EXISTS (SELECT FROM known)
   ORDER BY s.seat_id
     FOR UPDATE
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS found FROM locked
), refused AS (
  SELECT l.seat_id, l.state FROM locked l CROSS JOIN t
   WHERE NOT (l.state = 'available' OR (l.state = 'held' AND l.deadline <= t.now))
), judged AS (
  SELECT CASE
           WHEN EXISTS (SELECT FROM known) THEN
             CASE WHEN (SELECT body_hash FROM known) = $4 THEN 'replay' ELSE 'key-reused' END
           WHEN t.found < cardinality($5::text[]) THEN 'unknown-seats'
           WHEN EXISTS (SELECT FROM refused) THEN 'seats-taken'
           ELSE 'free'
         END AS verdict
    FROM t
), gate AS (
  INSERT INTO inventory.idempotency_keys (event_id, actor_id, verb, key, body_hash, answer, recorded_at)
  SELECT $1, $2, 'block', $3, $4, jsonb_build_object('seats', t.found), t.now
    FROM judged j CROSS JOIN t WHERE j.verdict = 'free'
  ON CONFLICT DO NOTHING
  RETURNING key
), changed AS (
  UPDATE inventory.seats s
     SET state = 'blocked', hold_id = NULL, deadline = NULL,
         version = s.version + CASE l.state WHEN 'held' THEN 2 ELSE 1 END
    FROM locked l CROSS JOIN gate CROSS JOIN t
   WHERE s.event_id = $1 AND s.seat_id = ANY ($5::text[]) AND s.seat_id = l.seat_id
     -- By the locked row: this statement's own snapshot may be older than the lock, and would pass over a seat freed since.
     AND (l.state = 'available' OR (l.state = 'held' AND l.deadline <= t.now))
  RETURNING s.seat_id, s.version, l.hold_id AS run_out_hold_id
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, c.seat_id, c.version - 1, 'expired'::inventory.ledger_kind, c.run_out_hold_id, 'system'::inventory.ledger_actor, 'taken-over', t.now
    FROM changed c CROSS JOIN t WHERE c.run_out_hold_id IS NOT NULL
  UNION ALL
  SELECT $1, c.seat_id, c.version, 'blocked', NULL, 'organiser', $6, t.now FROM changed c CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $7, at, array_agg(seat_id ORDER BY seat_id, seat_version),
         array_agg(seat_version ORDER BY seat_id, seat_version)
    FROM entries GROUP BY at
)
SELECT CASE WHEN j.verdict <> 'free' THEN j.verdict
            WHEN NOT EXISTS (SELECT FROM gate) THEN 'conflict'
            ELSE 'blocked' END AS outcome,
       t.now,
       (SELECT array_agg(l.seat_id) FROM locked l) AS found,
       (SELECT json_agg(json_build_object('seatId', r.seat_id, 'state', r.state) ORDER BY r.seat_id)
          FROM refused r) AS refused_by
  FROM judged j CROSS JOIN t
`;

/**
 * BLOCKED -> AVAILABLE, by the organiser: all of the seats or none.
 * Locks seats, then takes the key's row, which is the gate of the same key raced from elsewhere.
 *
 * $1 event · $2 organiser · $3 key · $4 body hash · $5 seats · $6 reason, or null · $7 batch
 */
const unblockSql = `
WITH known AS (
  SELECT k.body_hash FROM inventory.idempotency_keys k
   WHERE k.event_id = $1 AND k.actor_id = $2 AND k.verb = 'unblock' AND k.key = $3
), locked AS MATERIALIZED (
  SELECT s.*
    FROM inventory.seats s
   WHERE s.event_id = $1 AND s.seat_id = ANY ($5::text[]) AND NOT EXISTS (SELECT FROM known)
   ORDER BY s.seat_id
     FOR UPDATE
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS found FROM locked
), refused AS (
  SELECT l.seat_id, l.state FROM locked l
   WHERE l.state <> 'blocked'
), judged AS (
  SELECT CASE
           WHEN EXISTS (SELECT FROM known) THEN
             CASE WHEN (SELECT body_hash FROM known) = $4 THEN 'replay' ELSE 'key-reused' END
           WHEN t.found < cardinality($5::text[]) THEN 'unknown-seats'
           WHEN EXISTS (SELECT FROM refused) THEN 'not-blocked'
           ELSE 'free'
         END AS verdict
    FROM t
), gate AS (
  INSERT INTO inventory.idempotency_keys (event_id, actor_id, verb, key, body_hash, answer, recorded_at)
  SELECT $1, $2, 'unblock', $3, $4, jsonb_build_object('seats', t.found), t.now
    FROM judged j CROSS JOIN t WHERE j.verdict = 'free'
  ON CONFLICT DO NOTHING
  RETURNING key
), changed AS (
  UPDATE inventory.seats s
     SET state = 'available', version = s.version + 1
    FROM locked l CROSS JOIN gate
   WHERE s.event_id = $1 AND s.seat_id = ANY ($5::text[]) AND s.seat_id = l.seat_id AND l.state = 'blocked'
  RETURNING s.seat_id, s.version
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, c.seat_id, c.version, 'unblocked', NULL, 'organiser', $6, t.now FROM changed c CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $7, at, array_agg(seat_id ORDER BY seat_id), array_agg(seat_version ORDER BY seat_id)
    FROM entries GROUP BY at
)
SELECT CASE WHEN j.verdict <> 'free' THEN j.verdict
            WHEN NOT EXISTS (SELECT FROM gate) THEN 'conflict'
            ELSE 'unblocked' END AS outcome,
       t.now,
       (SELECT array_agg(l.seat_id) FROM locked l) AS found,
       (SELECT json_agg(json_build_object('seatId', r.seat_id, 'state', r.state) ORDER BY r.seat_id)
          FROM refused r) AS refused_by
  FROM judged j CROSS JOIN t
`;
