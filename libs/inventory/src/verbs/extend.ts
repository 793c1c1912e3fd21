import { strict as assert } from 'node:assert';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { assertEachOnce, inOrder, withoutConflicts, type Conflict } from '../batch';
import { holdRefusal, type HoldRefusal, type RefusalRow } from '../hold-refusal';
import { givenHolds, type GivenHold, type Hold } from '../holds';
import { conflictIfRecorded } from '../recorded-keys';

export interface ExtendRequest {
  holdId: string;
  buyerId: string;
  key: string;
  bodyHash: Buffer;
  /** The new deadline is this far from now, unless the present one is later; bounded by the event's settings. */
  seconds: number;
  /** The hold's version as the caller saw it; another one refuses. */
  version?: number;
}

export type ExtendOutcome =
  | { outcome: 'extended'; replayed: boolean; hold: Hold; serverTime: Date }
  | { outcome: 'no-extensions-left'; limit: number }
  | { outcome: 'payment-in-progress' }
  | { outcome: 'key-reused' }
  | HoldRefusal;

/** Moves deadlines of holds that are not due, for their owners. */
export async function extend(db: Database, eventId: string, requests: ExtendRequest[]): Promise<ExtendOutcome[]> {
  assertEachOnce(
    'hold',
    requests.map((request) => request.holdId),
  );
  assertEachOnce(
    'key',
    requests.map((request) => JSON.stringify([request.buyerId, request.key])),
  );
  return withoutConflicts(requests, async (asked) => {
    const rows = await db.query<Row>(extendSql, [
      eventId,
      asked.map((_, i) => i),
      asked.map((request) => request.holdId),
      asked.map((request) => request.buyerId),
      asked.map((request) => request.key),
      asked.map((request) => request.bodyHash),
      asked.map((request) => request.seconds),
      asked.map((request) => request.version ?? null),
      newId(),
    ]);
    const given = await givenHolds(
      db,
      eventId,
      rows.flatMap((row) => row.answer?.holdId ?? []),
    );
    const outcomes = inOrder(asked, rows, (_, row) => toOutcome(row, given));
    const keys = asked.map(({ buyerId, key }) => ({ actorId: buyerId, key }));
    return conflictIfRecorded(db, eventId, 'extend', keys, outcomes);
  });
}

interface Row extends RefusalRow {
  i: number;
  outcome: ExtendOutcome['outcome'] | 'replay' | 'conflict';
  now: Date;
  extensions_max: number;
  /** What the key was answered with: the hold as it stood then. */
  answer: { holdId: string; version: number; deadline: string; extensionsLeft: number } | null;
}

function toOutcome(row: Row, holds: Map<string, GivenHold>): ExtendOutcome | Conflict {
  switch (row.outcome) {
    case 'extended':
    case 'replay': {
      const given = holds.get(row.answer?.holdId ?? '');
      assert(given && row.answer, 'an extended hold has its answer');
      const { version, deadline, extensionsLeft } = row.answer;
      const hold: Hold = { ...given.hold, version, deadline: new Date(deadline), extensionsLeft };
      return { outcome: 'extended', replayed: row.outcome === 'replay', hold, serverTime: row.now };
    }
    case 'no-extensions-left':
      return { outcome: row.outcome, limit: row.extensions_max };
    case 'payment-in-progress':
    case 'key-reused':
    case 'conflict':
      return { outcome: row.outcome };
    case 'unknown-hold':
    case 'expired':
    case 'ended':
    case 'stale-version':
      return holdRefusal(row.outcome, row);
  }
}

/**
 * HELD -> HELD with a later deadline, by the owner, a bounded number of times. Locks seats, buyers, holds, then reads
 * the clock. The buyer's version rises: an extended hold counts again for a request that saw it as run out.
 * The key's row is the gate of the same key raced from elsewhere; it is taken last, so nobody waits behind it.
 *
 * $1 event · requests $2 ordinal $3 hold $4 buyer $5 key $6 body hash $7 seconds $8 version seen, or null · $9 batch
 */
const extendSql = `
WITH event AS (
  SELECT * FROM inventory.events WHERE event_id = $1
), request AS (
  SELECT r.*, h.seat_ids,
         (SELECT k.body_hash FROM inventory.idempotency_keys k
           WHERE k.event_id = $1 AND k.actor_id = r.buyer_id AND k.verb = 'extend' AND k.key = r.key) AS known_hash,
         (SELECT k.answer FROM inventory.idempotency_keys k
           WHERE k.event_id = $1 AND k.actor_id = r.buyer_id AND k.verb = 'extend' AND k.key = r.key) AS answer
    FROM unnest($2::int[], $3::uuid[], $4::text[], $5::text[], $6::bytea[], $7::int[], $8::int[])
         AS r (i, hold_id, buyer_id, key, body_hash, seconds, version)
    LEFT JOIN LATERAL (
      SELECT * FROM inventory.holds h
       WHERE h.event_id = $1 AND h.hold_id = r.hold_id AND h.buyer_id = r.buyer_id OFFSET 0) h ON true
), locked_seat AS MATERIALIZED (
  SELECT s.*
    FROM (SELECT u.seat_id FROM request r CROSS JOIN LATERAL unnest(r.seat_ids) AS u (seat_id)
           WHERE r.answer IS NULL
           ORDER BY u.seat_id COLLATE "C") u
    CROSS JOIN LATERAL (
      SELECT s.seat_id, s.state, s.hold_id FROM inventory.seats s
       WHERE s.event_id = $1 AND s.seat_id = u.seat_id FOR UPDATE) s
), locked_buyer AS MATERIALIZED (
  SELECT b.buyer_id
    FROM (SELECT DISTINCT r.buyer_id COLLATE "C" AS buyer_id FROM request r WHERE r.answer IS NULL ORDER BY 1) r
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
   WHERE r.answer IS NULL AND (SELECT count(*) FROM locked_buyer) >= 0
), t AS MATERIALIZED (
  SELECT clock_timestamp() AS now, count(*) AS locked_holds FROM locked
), judged AS (
  SELECT r.*, e.extensions_max, h.state, h.deadline, h.version AS hold_version,
         CASE
           WHEN r.answer IS NOT NULL THEN CASE WHEN r.known_hash = r.body_hash THEN 'replay' ELSE 'key-reused' END
           WHEN h.hold_id IS NULL THEN 'unknown-hold'
           WHEN h.state = 'expired' OR (h.state = 'held' AND h.deadline <= t.now) THEN 'expired'
           WHEN h.state <> 'held' THEN 'ended'
           WHEN r.version <> h.version THEN 'stale-version'
           WHEN h.attempt_id IS NOT NULL THEN 'payment-in-progress'
           WHEN h.extensions >= e.extensions_max OR h.deadline >= b.latest THEN 'no-extensions-left'
           WHEN (SELECT count(*) FROM locked_seat s WHERE s.hold_id = h.hold_id AND s.state = 'held')
                <> cardinality(h.seat_ids) THEN 'expired'
           ELSE 'free'
         END AS verdict,
         greatest(h.deadline,
                  least(date_trunc('milliseconds', t.now + r.seconds * interval '1 second'), b.latest)) AS new_deadline
    FROM request r
    CROSS JOIN t
    LEFT JOIN event e ON true
    LEFT JOIN locked h ON h.i = r.i
    CROSS JOIN LATERAL (
      SELECT date_trunc('milliseconds', h.held_at + e.hold_seconds_max * interval '1 second') AS latest) b
), gate AS (
  INSERT INTO inventory.idempotency_keys (event_id, actor_id, verb, key, body_hash, answer, recorded_at)
  SELECT $1, j.buyer_id, 'extend', j.key, j.body_hash,
         jsonb_build_object('holdId', j.hold_id, 'version', j.hold_version + 1, 'deadline', j.new_deadline,
                            'extensionsLeft', j.extensions_max - h.extensions - 1), t.now
    FROM judged j JOIN locked h ON h.i = j.i CROSS JOIN t
   WHERE j.verdict = 'free'
   ORDER BY j.buyer_id, j.key
  ON CONFLICT DO NOTHING
  RETURNING actor_id, key, answer
), winner AS MATERIALIZED (
  SELECT j.*, g.answer AS given
    FROM judged j JOIN gate g ON g.actor_id = j.buyer_id AND g.key = j.key WHERE j.verdict = 'free'
), counted AS (
  UPDATE inventory.buyers b SET version = b.version + 1
   WHERE b.event_id = $1 AND b.buyer_id = ANY (ARRAY(SELECT buyer_id FROM winner))
), kept AS (
  UPDATE inventory.seats s SET deadline = w.new_deadline, version = s.version + 1
    FROM winner w
   WHERE s.event_id = $1 AND s.seat_id = ANY (ARRAY(SELECT seat_id FROM locked_seat)) AND s.state = 'held' AND s.hold_id = w.hold_id
  RETURNING s.seat_id, s.version, s.hold_id
), prolonged AS (
  UPDATE inventory.holds h
     SET deadline = w.new_deadline, version = h.version + 1, extensions = h.extensions + 1
    FROM winner w
   WHERE h.event_id = $1 AND h.hold_id = ANY (ARRAY(SELECT hold_id FROM winner)) AND h.hold_id = w.hold_id
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, k.seat_id, k.version, 'extended', k.hold_id, 'buyer', NULL, t.now FROM kept k CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $9, at, array_agg(seat_id ORDER BY seat_id), array_agg(seat_version ORDER BY seat_id)
    FROM entries GROUP BY at
)
SELECT j.i,
       CASE WHEN j.verdict <> 'free' THEN j.verdict WHEN w.i IS NULL THEN 'conflict' ELSE 'extended' END AS outcome,
       t.now, j.state, j.deadline, j.hold_version, j.extensions_max, coalesce(w.given, j.answer) AS answer
  FROM judged j CROSS JOIN t LEFT JOIN winner w ON w.i = j.i
`;
