import { strict as assert } from 'node:assert';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { assertEachOnce, inOrder, missing, type Conflict } from '../batch';
import { givenHolds, type GivenHold, type Hold, type HoldSeat } from '../holds';
import type { SeatState } from '../seat-lifecycle';

export interface HoldRequest {
  /** UUIDv7 made by the caller; never used again for another hold. */
  holdId: string;
  buyerId: string;
  /** The Idempotency-Key, and the hash of the body it came with. */
  key: string;
  bodyHash: Buffer;
  seatIds: string[];
}

/** A seat that stood in the way. `holder` is the request that holds it, for the guard; never shown to buyers. */
export interface TakenSeat {
  seatId: string;
  state: Exclude<SeatState, 'available'>;
  heldByYou: boolean;
  holdId?: string;
  deadline?: Date;
  holder?: { buyerId: string; key: string };
}

export type HoldOutcome =
  | { outcome: 'held'; replayed: boolean; hold: Hold; serverTime: Date }
  | { outcome: 'seats-taken'; seats: TakenSeat[]; serverTime: Date }
  | { outcome: 'unknown-seats'; seatIds: string[] }
  | { outcome: 'too-many-seats'; limit: number }
  | { outcome: 'buyer-limit'; limit: number; holding: number }
  | { outcome: 'not-on-sale'; from: Date; until: Date | null; closed: boolean }
  | { outcome: 'unknown-event' }
  | { outcome: 'key-reused' };

/**
 * Takes seats for buyers, each request all or nothing. The same key and body gets its first answer again.
 *
 * @param requests at least one; each buyer and each seat at most once
 * @returns an outcome a request, in their order; `conflict` for one to be asked again, in another batch
 */
export async function hold(
  db: Database,
  eventId: string,
  requests: HoldRequest[],
): Promise<(HoldOutcome | Conflict)[]> {
  assert(requests.length > 0, 'a batch has a first request');
  assertEachOnce(
    'buyer',
    requests.map((request) => request.buyerId),
  );
  assertEachOnce(
    'seat',
    requests.flatMap((request) => request.seatIds),
  );
  const wanted = requests.flatMap(({ seatIds }, i) => seatIds.map((seatId) => ({ i, seatId })));
  const rows = await db.query<Row>(holdSql, [
    eventId,
    requests.map((_, i) => i),
    requests.map((request) => request.holdId),
    requests.map((request) => request.buyerId),
    requests.map((request) => request.key),
    requests.map((request) => request.bodyHash),
    requests.map((request) => request.seatIds.length),
    wanted.map((want) => want.i),
    wanted.map((want) => want.seatId),
    newId(),
  ]);
  const replays = await givenHolds(
    db,
    eventId,
    rows.map((row) => row.replay_of).filter((id) => id !== null),
  );
  const sale = saleOf(rows);
  return inOrder(requests, rows, (request, row) => toOutcome(eventId, request, row, sale, replays));
}

/** The part of a request that says whether it was answered before. */
export type KeyLookup = Omit<HoldRequest, 'seatIds'>;

/**
 * What the keys of hold requests were already answered with, in a fresh snapshot; undefined for one that never took
 * effect. Asked before a refusal that did not come from Postgres, so that nobody is refused by their own hold. Reads the
 * seats only of keys that have a hold: the losers of a rush have none.
 */
export async function findReplays(
  db: Database,
  eventId: string,
  requests: KeyLookup[],
): Promise<(HoldOutcome | undefined)[]> {
  const rows = await db.query<{ i: number; hold_id: string; now: Date }>(findKeysSql, [
    eventId,
    requests.map((_, i) => i),
    requests.map(({ buyerId }) => buyerId),
    requests.map(({ key }) => key),
  ]);
  const outcomes = new Array<HoldOutcome | undefined>(requests.length).fill(undefined);
  const given = await givenHolds(
    db,
    eventId,
    rows.map((row) => row.hold_id),
  );
  for (const { i, hold_id, now } of rows) {
    const hold = given.get(hold_id);
    const request = requests[i];
    if (hold && request) outcomes[i] = replayOutcome(request, hold, now);
  }
  return outcomes;
}

/** As a scalar subquery the key stays on its index while the table has never been analysed; see holdSql. */
const findKeysSql = `
SELECT f.i, f.hold_id, clock_timestamp() AS now
  FROM (SELECT k.i, (SELECT h.hold_id FROM inventory.holds h
                      WHERE h.event_id = $1 AND h.buyer_id = k.buyer_id AND h.hold_key = k.hold_key) AS hold_id
          FROM unnest($2::int[], $3::text[], $4::text[]) AS k (i, buyer_id, hold_key)) f
 WHERE f.hold_id IS NOT NULL
`;

/** What is the same for a whole batch: it stands in the row of its first request, so that it is read once. */
interface Sale {
  now: Date;
  deadline: Date;
  currency: string;
  extensions_max: number;
  seats_per_hold_max: number;
  seats_per_buyer_max: number;
  sale_starts_at: Date;
  sale_ends_at: Date | null;
  closed: boolean;
}

interface RequestRow {
  i: number;
  outcome: (HoldOutcome | Conflict)['outcome'] | 'replay';
  replay_of: string | null;
  holding: number;
  amount_minor: string;
  seats: [seatId: string, category: string, priceMinor: number][];
  refused_by: RefusedByRow[] | null;
}

type Row = RequestRow & { [Column in keyof Sale]: Sale[Column] | null };

/** A taken seat, and the hold that has it. */
interface RefusedByRow {
  seatId: string;
  state: TakenSeat['state'];
  holdId: string | null;
  deadline: string | null;
  buyerId: string | null;
  key: string | null;
}

/** The row of the first request carries the sale; in the others its columns are null, as they are for an unknown event. */
function saleOf(rows: Row[]): Sale {
  const first = rows.find((row) => row.i === 0);
  assert(first, 'a row for the first request');
  return first as Sale;
}

function toOutcome(
  eventId: string,
  request: HoldRequest,
  row: Row,
  sale: Sale,
  replays: Map<string, GivenHold>,
): HoldOutcome | Conflict {
  switch (row.outcome) {
    case 'held':
      return { outcome: 'held', replayed: false, hold: newHold(eventId, request, row, sale), serverTime: sale.now };
    case 'replay': {
      const given = replays.get(row.replay_of ?? '');
      assert(given, 'a key names its hold');
      return replayOutcome(request, given, sale.now);
    }
    case 'seats-taken':
      return {
        outcome: row.outcome,
        seats: (row.refused_by ?? []).map((by) => takenSeat(request, by)),
        serverTime: sale.now,
      };
    case 'unknown-seats':
      return {
        outcome: row.outcome,
        seatIds: missing(
          request.seatIds,
          row.seats.map(([seatId]) => seatId),
        ),
      };
    case 'too-many-seats':
      return { outcome: row.outcome, limit: sale.seats_per_hold_max };
    case 'buyer-limit':
      return { outcome: row.outcome, limit: sale.seats_per_buyer_max, holding: row.holding };
    case 'not-on-sale':
      return { outcome: row.outcome, from: sale.sale_starts_at, until: sale.sale_ends_at, closed: sale.closed };
    case 'unknown-event':
    case 'key-reused':
    case 'conflict':
      return { outcome: row.outcome };
  }
}

function replayOutcome({ holdId, bodyHash }: KeyLookup, given: GivenHold, serverTime: Date): HoldOutcome {
  if (!given.bodyHash.equals(bodyHash)) return { outcome: 'key-reused' };
  // Its own id again: the same request written twice because its commit was unknown, not a replay of another one.
  return { outcome: 'held', replayed: given.hold.holdId !== holdId, hold: given.hold, serverTime };
}

function takenSeat(request: HoldRequest, by: RefusedByRow): TakenSeat {
  return {
    seatId: by.seatId,
    state: by.state,
    heldByYou: by.buyerId === request.buyerId,
    ...(by.holdId && { holdId: by.holdId }),
    ...(by.deadline && { deadline: new Date(by.deadline) }),
    ...(by.buyerId && by.key && { holder: { buyerId: by.buyerId, key: by.key } }),
  };
}

function newHold(eventId: string, { holdId, buyerId }: HoldRequest, row: Row, sale: Sale): Hold {
  return {
    eventId,
    holdId,
    buyerId,
    state: 'held',
    version: 1,
    seats: row.seats.map(([seatId, category, priceMinor]): HoldSeat => ({ seatId, category, priceMinor })),
    amountMinor: Number(row.amount_minor),
    currency: sale.currency,
    deadline: sale.deadline,
    extensionsLeft: sale.extensions_max,
    createdAt: sale.now,
  };
}

/**
 * AVAILABLE, or HELD and run out -> HELD. One deciding statement for a batch of requests of one event, in which every
 * seat, buyer and key stands at most once.
 *
 * Order of locks: seats (sorted), then buyers. The clock is read once, after the last seat lock was got: read per row,
 * or before the wait, holds got through after a deadline and one batch had 200 different deadlines.
 *
 * $1 event · requests $2 ordinal $3 hold $4 buyer $5 key $6 body hash $7 seats asked for · seats $8 ordinal $9 seat
 * · $10 batch
 */
const holdSql = `
WITH event AS (
  SELECT * FROM inventory.events WHERE event_id = $1
), request AS (
  -- The key and the buyer's version as this snapshot sees them. Scalar subqueries keep both on their index while the
  -- tables have never been analysed; as NOT EXISTS the key check became a hash join over the event's holds.
  SELECT r.*,
         (SELECT h.hold_id FROM inventory.holds h
           WHERE h.event_id = $1 AND h.buyer_id = r.buyer_id AND h.hold_key = r.hold_key) AS replay_of,
         coalesce((SELECT b.version FROM inventory.buyers b
           WHERE b.event_id = $1 AND b.buyer_id = r.buyer_id), 0) AS buyer_version
    FROM unnest($2::int[], $3::uuid[], $4::text[], $5::text[], $6::bytea[], $7::int[])
         AS r (i, hold_id, buyer_id, hold_key, body_hash, wanted)
), locked AS MATERIALIZED (
  SELECT w.i, s.*
    FROM (SELECT w.i, w.seat_id
            FROM unnest($8::int[], $9::text[]) AS w (i, seat_id)
            JOIN request r ON r.i = w.i AND r.replay_of IS NULL
           ORDER BY w.seat_id COLLATE "C") w
    CROSS JOIN LATERAL (
      SELECT s.seat_id, s.state, s.version, s.hold_id, s.deadline, s.category FROM inventory.seats s
       WHERE s.event_id = $1 AND s.seat_id = w.seat_id FOR UPDATE) s
), t AS MATERIALIZED (
  -- On a grid of 20 ms, later rather than earlier: holds of many batches then share a deadline, and so a message to the
  -- worker and a statement that releases them. It is the deadline that clients read and the one that decides.
  SELECT c.now,
         date_bin('20 milliseconds', c.now + (SELECT hold_seconds FROM event) * interval '1 second'
                                     + interval '19.999 milliseconds', 'epoch') AS deadline
    FROM (SELECT clock_timestamp() AS now, count(*) AS locked_seats FROM locked OFFSET 0) c
), asked AS (
  SELECT r.i,
         count(l.seat_id) AS found,
         count(l.seat_id) FILTER (
           WHERE l.state = 'available' OR (l.state = 'held' AND l.deadline <= t.now)) AS free,
         -- In the way stands a hold that this snapshot cannot see: it may be this very request, raced from elsewhere.
         bool_or(l.hold_id IS NOT NULL AND (
           SELECT h.hold_id FROM inventory.holds h WHERE h.event_id = $1 AND h.hold_id = l.hold_id) IS NULL) AS unseen,
         sum(c.price_minor) AS amount_minor,
         array_agg(l.seat_id ORDER BY l.seat_id) AS seat_ids,
         json_agg(json_build_array(l.seat_id, c.name, c.price_minor) ORDER BY l.seat_id) AS seats
    FROM request r
    CROSS JOIN t
    LEFT JOIN locked l ON l.i = r.i
    LEFT JOIN inventory.categories c ON c.event_id = $1 AND c.category = l.category
   GROUP BY r.i
), judged AS (
  SELECT r.*, a.amount_minor, a.seat_ids, a.seats, b.holding,
         CASE
           WHEN e.event_id IS NULL THEN 'unknown-event'
           WHEN r.replay_of IS NOT NULL THEN 'replay'
           WHEN e.closed_at IS NOT NULL OR t.now < e.sale_starts_at OR t.now >= e.sale_ends_at THEN 'not-on-sale'
           WHEN r.wanted > e.seats_per_hold_max THEN 'too-many-seats'
           WHEN a.found < r.wanted THEN 'unknown-seats'
           WHEN a.free < r.wanted AND a.unseen THEN 'conflict'
           WHEN a.free < r.wanted THEN 'seats-taken'
           WHEN b.holding + r.wanted > e.seats_per_buyer_max THEN 'buyer-limit'
           ELSE 'free'
         END AS verdict
    FROM request r
    JOIN asked a ON a.i = r.i
    CROSS JOIN t
    LEFT JOIN event e ON true
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(h.seat_count), 0)::int AS holding
        FROM inventory.holds h
       WHERE h.event_id = $1 AND h.buyer_id = r.buyer_id
         AND (h.state = 'booked' OR (h.state = 'held' AND h.deadline > t.now))) b
), gate AS (
  -- Compare-and-set on the version read above. Counting alone let 178 of 200 exceed the limit.
  INSERT INTO inventory.buyers AS b (event_id, buyer_id, version)
  SELECT $1, j.buyer_id, j.buyer_version + 1 FROM judged j WHERE j.verdict = 'free' ORDER BY j.buyer_id
  ON CONFLICT (event_id, buyer_id) DO UPDATE SET version = excluded.version
    WHERE b.version = excluded.version - 1
  RETURNING b.buyer_id
), winner AS MATERIALIZED (
  -- Winners are picked by lists here and below. Joined, each was compared with each of the batch, whole rows at a time:
  -- more than half of what a batch of 32 cost.
  SELECT j.* FROM judged j WHERE j.verdict = 'free' AND j.buyer_id = ANY (ARRAY(SELECT g.buyer_id FROM gate g))
), taken AS (
  -- A taken-over seat rises by two: its old hold's end and its new hold are two entries.
  UPDATE inventory.seats s
     SET state = 'held', hold_id = ($3::uuid[])[l.i + 1], deadline = t.deadline,
         version = s.version + CASE l.state WHEN 'held' THEN 2 ELSE 1 END
    FROM locked l
    CROSS JOIN t
   WHERE s.event_id = $1 AND s.seat_id = ANY (ARRAY(SELECT seat_id FROM locked)) AND s.seat_id = l.seat_id
     AND l.i = ANY (ARRAY(SELECT w.i FROM winner w))
     -- By the locked row: this statement's own snapshot may be older than the lock, and would pass over a seat freed since.
     AND (l.state = 'available' OR (l.state = 'held' AND l.deadline <= t.now))
  RETURNING s.seat_id, s.version, s.hold_id, l.hold_id AS run_out_hold_id
), placed AS (
  INSERT INTO inventory.holds
         (event_id, hold_id, buyer_id, hold_key, body_hash, seat_ids, seat_count, amount_minor,
          held_at, first_deadline, deadline)
  SELECT $1, w.hold_id, w.buyer_id, w.hold_key, w.body_hash, w.seat_ids, w.wanted, w.amount_minor,
         t.now, t.deadline, t.deadline
    FROM winner w CROSS JOIN t
), entries AS (
  INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, reason, at)
  SELECT $1, k.seat_id, k.version - 1, 'expired'::inventory.ledger_kind, k.run_out_hold_id, 'system'::inventory.ledger_actor, 'taken-over', t.now
    FROM taken k CROSS JOIN t WHERE k.run_out_hold_id IS NOT NULL
  UNION ALL
  SELECT $1, k.seat_id, k.version, 'held', k.hold_id, 'buyer', NULL, t.now FROM taken k CROSS JOIN t
  RETURNING seat_id, seat_version, at
), outbox AS (
  INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
  SELECT $1, $10, at, array_agg(seat_id ORDER BY seat_id, seat_version),
         array_agg(seat_version ORDER BY seat_id, seat_version)
    FROM entries GROUP BY at
)
SELECT j.i,
       CASE WHEN j.verdict <> 'free' THEN j.verdict WHEN w.i IS NULL THEN 'conflict' ELSE 'held' END AS outcome,
       j.replay_of, j.holding, j.amount_minor, j.seats, s.*,
       CASE WHEN j.verdict = 'seats-taken' THEN (
         SELECT json_agg(json_build_object(
                  'seatId', l.seat_id, 'state', l.state, 'holdId', l.hold_id, 'deadline', l.deadline,
                  'buyerId', h.buyer_id, 'key', h.hold_key) ORDER BY l.seat_id)
           FROM locked l
           LEFT JOIN LATERAL (
             SELECT h.buyer_id, h.hold_key FROM inventory.holds h
              WHERE h.event_id = $1 AND h.hold_id = l.hold_id OFFSET 0) h ON true
          WHERE l.i = j.i AND l.state <> 'available' AND NOT (l.state = 'held' AND l.deadline <= t.now))
       END AS refused_by
  FROM judged j
  CROSS JOIN t
  LEFT JOIN (
    SELECT 0 AS first, t.now, t.deadline, e.currency, e.extensions_max, e.seats_per_hold_max, e.seats_per_buyer_max,
           e.sale_starts_at, e.sale_ends_at, e.closed_at IS NOT NULL AS closed
      FROM t LEFT JOIN event e ON true) s ON s.first = j.i
  LEFT JOIN winner w ON w.i = j.i
`;
