import type { LedgerKind } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import type { WebhookMessage } from './message';

/** Requests to an endpoint that its log keeps. */
const ATTEMPTS_KEPT = 50;

/** One endpoint, taken up by one courier until its lease has run out. */
export interface Turn {
  eventId: string;
  endpointId: string;
  organiserId: string;
  /** Whoever took it up later has a higher one; what this one then writes counts for nothing. */
  turn: number;
  url: string;
  kinds: LedgerKind[] | null;
  deliveredSeq: number;
  /** A delivery up to here was begun and its end is not known: the very same is sent again. */
  sendingSeq: number | null;
  failures: number;
  secretGeneration: number;
  previousSigns: boolean;
}

export type DeliveryOutcome = 'delivered' | 'refused' | 'gone' | 'timed-out' | 'unreachable' | 'not-allowed';

/** One request that was made, or was to be made. */
export interface Attempt {
  outcome: DeliveryOutcome;
  /** The outcome in words, for the organiser. */
  detail: string;
  tookMs: number;
}

export interface Taking {
  limit: number;
  /** Turns that one organiser may have at a time, those in hand included. */
  perOrganiser: number;
  /** Turns that the caller has in hand, by organiser. */
  inHand: ReadonlyMap<string, number>;
  leaseMs: number;
  /** Looks at these events alone; at all when not given. */
  eventIds?: string[];
}

export interface Taken {
  turns: Turn[];
  /** Organisers that have more to be delivered than was taken. */
  waiting: string[];
}

/**
 * Takes endpoints that have something to be delivered and nobody who delivers it, fairly: first one of each organiser that
 * has none in hand, then a second one of each, and so on; among equals whoever has waited longest.
 */
export async function takeTurns(db: Database, taking: Taking): Promise<Taken> {
  const { limit, perOrganiser, inHand, leaseMs, eventIds } = taking;
  const values = [limit, perOrganiser, [...inHand.keys()], [...inHand.values()], leaseMs];
  const rows = eventIds
    ? await db.query<TakenRow>(takeTurnsOfEventsSql, [...values, eventIds])
    : await db.query<TakenRow>(takeTurnsSql, values);
  return { turns: rows.filter(isTurn), waiting: rows[0]?.waiting ?? [] };
}

/**
 * Writes down how far the delivery goes that is about to be sent.
 *
 * @returns false when the cursor was moved meanwhile, or the turn is over: nothing may be sent
 */
export async function beginSending(db: Database, turn: Turn, throughSeq: number): Promise<boolean> {
  return (await db.query(beginSendingSql, [...keyOf(turn), turn.deliveredSeq, throughSeq])).length > 0;
}

/** Moves the cursor past entries that the endpoint does not want, and ends the turn. */
export async function skipTo(db: Database, turn: Turn, throughSeq: number): Promise<void> {
  await db.query(skipSql, [...keyOf(turn), turn.deliveredSeq, throughSeq]);
}

/** Ends a turn in which nothing was sent. */
export async function endTurn(db: Database, turn: Turn): Promise<void> {
  await db.query(endTurnSql, keyOf(turn));
}

/** Moves the cursor past what was delivered, unless somebody has moved it meanwhile, and ends the turn. */
export async function recordDelivered(
  db: Database,
  turn: Turn,
  throughSeq: number,
  message: WebhookMessage,
  attempt: Attempt,
): Promise<void> {
  await db.query(deliveredSql, [...keyOf(turn), throughSeq, ...logValues(message, attempt)]);
}

/**
 * Leaves the cursor, and ends the turn: the same delivery comes again after `waitMs`, or never where the endpoint is gone
 * or has failed for longer than `disableAfterMs`.
 *
 * @returns whether it is disabled now
 */
export async function recordFailed(
  db: Database,
  turn: Turn,
  message: WebhookMessage,
  attempt: Attempt,
  { waitMs, disableAfterMs }: { waitMs: number; disableAfterMs: number },
): Promise<boolean> {
  const rows = await db.query<{ disabled: boolean }>(failedSql, [
    ...keyOf(turn),
    waitMs,
    disableAfterMs,
    ...logValues(message, attempt),
  ]);
  return rows[0]?.disabled ?? false;
}

export interface LoggedAttempt extends Attempt {
  webhookId: string;
  firstSeq: number;
  lastSeq: number;
  at: Date;
}

/** The last requests to an endpoint, newest first. */
export async function listAttempts(db: Database, eventId: string, endpointId: string): Promise<LoggedAttempt[]> {
  return db.query<LoggedAttempt & Row>(
    `SELECT webhook_id AS "webhookId", first_seq::float8 AS "firstSeq", last_seq::float8 AS "lastSeq", outcome, detail,
            took_ms AS "tookMs", at
       FROM webhooks.attempts WHERE event_id = $1 AND endpoint_id = $2 ORDER BY nth DESC`,
    [eventId, endpointId],
  );
}

export interface DeliveryFigures {
  active: number;
  paused: number;
  disabled: number;
  /** Endpoints with a delivery that is due and not under way. */
  waiting: number;
  /** Of them, those of the organisers that were named. */
  heldBack: number;
  /** Age of the oldest entry that an active endpoint has still to be told of; 0 when there is none. */
  lagSeconds: number;
}

/**
 * How the endpoints stand, all of them together.
 *
 * @param organisersFull those that have as many deliveries under way as they may
 */
export async function readFigures(db: Database, organisersFull: string[]): Promise<DeliveryFigures> {
  const [row] = await db.query<DeliveryFigures & Row>(figuresSql, [organisersFull]);
  if (!row) throw new Error('counts have a row');
  return row;
}

type Row = Record<string, unknown>;

/** One row at least: without a turn when none was taken. */
type TakenRow = Row & { waiting: string[] } & (Turn | { endpointId: null });

const isTurn = (row: TakenRow): row is TakenRow & Turn => row.endpointId !== null;

const keyOf = ({ eventId, endpointId, turn }: Turn) => [eventId, endpointId, turn];

const logValues = ({ webhookId, firstSeq, lastSeq }: WebhookMessage, { outcome, detail, tookMs }: Attempt) => [
  webhookId,
  firstSeq,
  lastSeq,
  outcome,
  detail,
  Math.round(tookMs),
];

/** What an endpoint must be to be taken up. The counter is asked row by row: a join may read the counters of all events. */
const IS_DUE = `e.state = 'active' AND e.next_at <= t.now AND (e.leased_until IS NULL OR e.leased_until <= t.now)
         AND e.delivered_seq < (SELECT c.last_seq FROM inventory.ledger_counters c WHERE c.event_id = e.event_id)`;

/**
 * `due`: candidates. Locked only once they are chosen, and looked at again then: what another courier has taken meanwhile
 * is passed over. `waiting`: who has a candidate that was not chosen.
 */
const takeTurnsOf = (due: string) => `
WITH RECURSIVE t AS MATERIALIZED (
  SELECT clock_timestamp() AS now
), busy AS (
  SELECT * FROM unnest($3::text[], $4::int[]) AS b (organiser_id, in_hand)
), ${due}, ranked AS (
  SELECT d.*, coalesce(b.in_hand, 0) + row_number() OVER (PARTITION BY d.organiser_id ORDER BY d.next_at) AS nth
    FROM due d LEFT JOIN busy b USING (organiser_id)
), chosen AS (
  SELECT * FROM ranked WHERE nth <= $2::int ORDER BY nth, next_at LIMIT $1
), free AS (
  -- LATERAL: each by its key. As a join it was planned by the index of what is due, and read all of a backlog.
  SELECT f.*
    FROM chosen c CROSS JOIN t CROSS JOIN LATERAL (
      SELECT e.event_id, e.endpoint_id FROM webhooks.endpoints e
       WHERE e.event_id = c.event_id AND e.endpoint_id = c.endpoint_id AND ${IS_DUE}
         FOR UPDATE SKIP LOCKED) f
), taken AS (
  UPDATE webhooks.endpoints e
     SET turn = e.turn + 1, leased_until = t.now + $5::float8 * interval '1 ms'
    FROM free f, t
   WHERE e.event_id = f.event_id AND e.endpoint_id = f.endpoint_id
  RETURNING e.event_id AS "eventId", e.endpoint_id AS "endpointId", e.organiser_id AS "organiserId",
            e.turn::float8 AS turn, e.url, e.kinds, e.delivered_seq::float8 AS "deliveredSeq",
            e.sending_seq::float8 AS "sendingSeq", e.failures, e.secret_generation AS "secretGeneration",
            coalesce(e.previous_signs_until > t.now, false) AS "previousSigns"
), left_over AS (
  SELECT ARRAY(SELECT DISTINCT organiser_id FROM ranked
                WHERE (event_id, endpoint_id) NOT IN (SELECT event_id, endpoint_id FROM chosen)) AS waiting
)
SELECT taken.*, left_over.waiting FROM left_over LEFT JOIN taken ON true`;

/**
 * Steps from organiser to organiser in the index, and reads of each one's queue as many as it may have and one more: a
 * backlog is not read.
 *
 * $1 limit · $2 turns an organiser · in hand: $3 organisers $4 turns · $5 lease ms
 */
const takeTurnsSql = takeTurnsOf(`organisers AS (
  (SELECT organiser_id FROM webhooks.endpoints WHERE state = 'active' ORDER BY organiser_id LIMIT 1)
   UNION ALL
  SELECT (SELECT e.organiser_id FROM webhooks.endpoints e
           WHERE e.state = 'active' AND e.organiser_id > o.organiser_id ORDER BY e.organiser_id LIMIT 1)
    FROM organisers o WHERE o.organiser_id IS NOT NULL
), due AS (
  SELECT q.*
    FROM organisers o CROSS JOIN t CROSS JOIN LATERAL (
      SELECT e.organiser_id, e.event_id, e.endpoint_id, e.next_at
        FROM webhooks.endpoints e
       WHERE e.organiser_id = o.organiser_id AND ${IS_DUE}
       ORDER BY e.next_at
       LIMIT $2::int + 1) q
)`);

/** As above · $6 events */
const takeTurnsOfEventsSql = takeTurnsOf(`due AS (
  SELECT e.organiser_id, e.event_id, e.endpoint_id, e.next_at
    FROM webhooks.endpoints e CROSS JOIN t
   WHERE e.event_id = ANY ($6::uuid[]) AND ${IS_DUE}
)`);

/** $1 event · $2 endpoint · $3 turn */
const MINE = 'event_id = $1 AND endpoint_id = $2 AND turn = $3';

/** ... · $4 cursor · $5 how far */
const beginSendingSql = `
UPDATE webhooks.endpoints SET sending_seq = $5
 WHERE ${MINE} AND delivered_seq = $4 AND (sending_seq IS NULL OR sending_seq = $5)
RETURNING endpoint_id`;

/** ... · $4 cursor · $5 how far */
const skipSql = `
UPDATE webhooks.endpoints
   SET delivered_seq = CASE WHEN delivered_seq = $4 AND sending_seq IS NULL THEN $5 ELSE delivered_seq END,
       leased_until = NULL, next_at = clock_timestamp()
 WHERE ${MINE}`;

const endTurnSql = `UPDATE webhooks.endpoints SET leased_until = NULL WHERE ${MINE}`;

/** The ring of attempts: $n webhook id, then first and last entry, outcome, detail, milliseconds. */
const logFrom = (n: number) => `
INSERT INTO webhooks.attempts
       (event_id, endpoint_id, slot, nth, webhook_id, first_seq, last_seq, outcome, detail, took_ms, at)
SELECT $1, $2, d.attempts % ${ATTEMPTS_KEPT}, d.attempts, $${n}, $${n + 1}, $${n + 2}, $${n + 3}, $${n + 4},
       $${n + 5}, d.now
  FROM done d
ON CONFLICT (event_id, endpoint_id, slot) DO UPDATE
   SET nth = excluded.nth, webhook_id = excluded.webhook_id, first_seq = excluded.first_seq,
       last_seq = excluded.last_seq, outcome = excluded.outcome, detail = excluded.detail, took_ms = excluded.took_ms,
       at = excluded.at`;

/** ... · $4 how far · $5 to $10 the attempt */
const deliveredSql = `
WITH done AS (
  UPDATE webhooks.endpoints
     SET delivered_seq = CASE WHEN sending_seq = $4 THEN sending_seq ELSE delivered_seq END,
         sending_seq = CASE WHEN sending_seq = $4 THEN NULL ELSE sending_seq END,
         leased_until = NULL, next_at = clock_timestamp(), failures = 0, failing_since = NULL,
         last_delivered_at = clock_timestamp(), attempts = attempts + 1
   WHERE ${MINE}
  RETURNING attempts, last_delivered_at AS now
)
${logFrom(5)}`;

/** An endpoint that is paused may fail for as long as it likes. $5 disable after ms */
const TOO_LONG = `e.state = 'active' AND e.failing_since <= t.now - $5::float8 * interval '1 ms'`;

/** ... · $4 wait ms · $5 disable after ms · $6 to $11 the attempt */
const failedSql = `
WITH done AS (
  UPDATE webhooks.endpoints e
     SET leased_until = NULL, next_at = t.now + $4::float8 * interval '1 ms', failures = e.failures + 1,
         failing_since = coalesce(e.failing_since, t.now), last_failure = $10, last_failure_at = t.now,
         attempts = e.attempts + 1,
         state = CASE WHEN $9::webhooks.outcome = 'gone' OR ${TOO_LONG} THEN 'disabled' ELSE e.state END,
         disabled_reason = CASE WHEN $9::webhooks.outcome = 'gone' THEN 'gone' WHEN ${TOO_LONG} THEN 'failing'
                                ELSE e.disabled_reason END
    FROM (SELECT clock_timestamp() AS now) t
   WHERE ${MINE}
  RETURNING e.attempts, t.now, e.state = 'disabled' AS disabled
), logged AS (${logFrom(6)})
SELECT disabled FROM done`;

/** $1 organisers */
const figuresSql = `
WITH t AS MATERIALIZED (
  SELECT clock_timestamp() AS now
)
SELECT count(*) FILTER (WHERE e.state = 'active')::int AS active,
       count(*) FILTER (WHERE e.state = 'paused')::int AS paused,
       count(*) FILTER (WHERE e.state = 'disabled')::int AS disabled,
       count(*) FILTER (WHERE ${IS_DUE})::int AS waiting,
       count(*) FILTER (WHERE ${IS_DUE} AND e.organiser_id = ANY ($1::text[]))::int AS "heldBack",
       coalesce(extract(epoch FROM max(t.now) - min(q.at) FILTER (WHERE e.state = 'active')), 0)::float8
         AS "lagSeconds"
  FROM webhooks.endpoints e
  CROSS JOIN t
  JOIN inventory.ledger_counters c ON c.event_id = e.event_id
  LEFT JOIN LATERAL (
    SELECT q.at FROM inventory.ledger_sequence q
     WHERE e.delivered_seq < c.last_seq AND q.event_id = e.event_id AND q.last_seq > e.delivered_seq
     ORDER BY q.last_seq LIMIT 1) q ON true`;
