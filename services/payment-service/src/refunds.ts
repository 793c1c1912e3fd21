import type { Database, Transaction } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import type { AttemptTimes } from './attempts';
import { hasRefundEnded, type RefundState } from './refund-lifecycle';

/** What was asked. */
export interface RefundRequest {
  attemptId: string;
  /** Whose payment it must be; undefined: anybody's. */
  buyerId: string | undefined;
  /** Who asks: the scope of the key. */
  askedBy: string;
  key: string;
  bodyHash: Buffer;
  /** All seats that are not given back yet when absent. */
  seatIds?: string[];
}

/** What a refund learns on its way. */
export interface RefundFacts {
  providerRefundId?: string | null;
  /** Why it failed or was refused. */
  failure?: string | null;
  keyGeneration?: number;
  keySpent?: boolean;
}

export interface Refund extends Required<RefundFacts> {
  eventId: string;
  refundId: string;
  attemptId: string;
  /** By which the seats are booked. */
  holdId: string;
  /** Null where there is no money to give back. */
  intentId: string | null;
  /** Empty where the seats were lost before: all of the money is given back. */
  seatIds: string[];
  /** Those of them that a refund before has not given back yet. */
  unbookSeatIds: string[];
  amountMinor: number;
  currency: string;
  state: RefundState;
  version: number;
  tries: number;
  createdAt: Date;
  nextAt: Date;
  serverTime: Date;
}

/** The oldest refund in a state that is no end, by its age. */
export interface OldestRefund {
  state: RefundState;
  seconds: number;
}

export type RefundStart =
  { outcome: 'started'; refund: Refund } | { outcome: 'replayed'; refund: Refund } | RefundRefusal;

export type RefundRefusal =
  | { outcome: 'unknown-payment' | 'payment-not-captured' | 'key-reused' }
  | { outcome: 'unknown-seats' | 'seats-refunded'; seatIds: string[] };

/** Refunds of one payment that may fail; beyond it what is owed is for people to settle. */
export const FAILED_MAX = 10;

/** A refund that is pending is the bank's: it is looked at less and less often, down to this. Webhooks are sooner. */
const POLL_MAX_MS = 15 * 60_000;

const COLUMNS = `
  event_id AS "eventId", refund_id AS "refundId", attempt_id AS "attemptId", hold_id AS "holdId", intent_id AS "intentId",
  seat_ids AS "seatIds", unbook_seat_ids AS "unbookSeatIds", amount_minor::float8 AS "amountMinor", currency, state, version, failure,
  provider_refund_id AS "providerRefundId", key_generation AS "keyGeneration", key_spent AS "keySpent", tries,
  created_at AS "createdAt", next_at AS "nextAt", clock_timestamp() AS "serverTime"`;

/** The refunds' rows. Whoever changes one names the version it read; zero rows means that somebody else was first. */
export class Refunds {
  constructor(
    private readonly database: Database,
    private readonly times: AttemptTimes,
  ) {}

  /**
   * Records a refund of seats of a captured payment, leased to the caller, or says why there is none. Seats of a refund
   * that failed count as not refunded while its break is open, all of them together; this refund settles the break.
   */
  async start(request: RefundRequest): Promise<RefundStart> {
    return this.database.transaction(async (tx) => {
      // Its lock keeps two refunds of one payment apart.
      const [paid] = await tx.query<Paid>(paidSql, [request.attemptId, request.buyerId ?? null]);
      if (!paid) return { outcome: 'unknown-payment' };
      const { eventId, attemptId } = paid;
      const asked = [eventId, attemptId, request.askedBy, request.key];
      const [same] = await tx.query<Refund & { bodyHash: Buffer }>(sameKeySql, asked);
      if (same) {
        if (!same.bodyHash.equals(request.bodyHash)) return { outcome: 'key-reused' };
        return { outcome: 'replayed', refund: same };
      }
      if (paid.state !== 'captured') return { outcome: 'payment-not-captured' };

      const owed = await tx.query<Owed>(owedSql, [eventId, attemptId, FAILED_MAX]);
      const given = new Set((await tx.query<Seat>(givenBackSql, [eventId, attemptId])).map((row) => row.seatId));
      const isOwed = (seatId: string) => owed.some(({ seatIds }) => seatIds.includes(seatId));
      const wanted = request.seatIds ?? paid.seatIds.filter((seatId) => !given.has(seatId) || isOwed(seatId));
      const unknown = wanted.filter((seatId) => !paid.seatIds.includes(seatId));
      if (unknown.length > 0) return { outcome: 'unknown-seats', seatIds: unknown };
      const settled = owed.filter(({ seatIds }) => seatIds.every((seatId) => wanted.includes(seatId)));
      const owedAgain = new Set(settled.flatMap(({ seatIds }) => seatIds));
      const again = wanted.filter((seatId) => given.has(seatId) && !owedAgain.has(seatId));
      if (again.length > 0) return { outcome: 'seats-refunded', seatIds: again };
      if (wanted.length === 0) return { outcome: 'seats-refunded', seatIds: paid.seatIds };
      const toUnbook = wanted.filter((seatId) => !given.has(seatId));
      const refund = await this.insert(tx, request, paid, wanted, toUnbook);
      const note = `asked for again: refund ${refund.refundId}`;
      await tx.query(settleSql, [settled.map(({ breakId }) => breakId), request.askedBy, note]);
      return { outcome: 'started', refund };
    });
  }

  /**
   * Moves a refund to another state, or the same, with what was learnt; renews the lease. Money that is back, or has
   * bounced, is posted in the same statement; an end without the money is a break.
   *
   * @returns undefined when somebody else has changed it meanwhile
   */
  async move(refund: Refund, to: RefundState, facts: RefundFacts): Promise<Refund | undefined> {
    const now = { ...refund, ...facts };
    const rows = await this.database.query<Refund>(moveSql, [
      refund.eventId,
      refund.refundId,
      refund.state,
      refund.version,
      to,
      hasRefundEnded(to),
      now.failure,
      now.providerRefundId,
      now.keyGeneration,
      now.keySpent,
      this.times.leaseMs,
      givenBack(refund.state, to) * refund.amountMinor,
    ]);
    return rows[0];
  }

  /** Leaves a refund to be taken up later: by backoff when nobody answered, ever more seldom while the bank works. */
  async postpone(refund: Refund, { keySpent, waiting }: { keySpent: boolean; waiting: boolean }): Promise<Refund> {
    const { backoffMs, backoffMaxMs, actionPollMs } = this.times;
    const [firstMs, maxMs] = waiting ? [actionPollMs, POLL_MAX_MS] : [backoffMs, backoffMaxMs];
    const rows = await this.database.query<Refund>(postponeSql, [
      refund.eventId,
      refund.refundId,
      refund.version,
      Math.min(firstMs * 2 ** refund.tries, maxMs),
      keySpent,
    ]);
    return rows[0] ?? this.reread(refund);
  }

  /** Takes up to `limit` unfinished refunds that nobody works on. Each is leased to the caller. */
  async takeUp(limit: number): Promise<Refund[]> {
    return this.database.query<Refund>(takeUpSql, [limit, this.times.leaseMs]);
  }

  /** A refund as it is now. */
  async reread({ eventId, refundId }: Pick<Refund, 'eventId' | 'refundId'>): Promise<Refund> {
    const [refund] = await this.database.query<Refund>(rereadSql, [eventId, refundId]);
    if (!refund) throw new Error(`Refund ${refundId} is gone`);
    return refund;
  }

  /** All refunds of a payment, the oldest first. */
  async of({ eventId, attemptId }: { eventId: string; attemptId: string }): Promise<Refund[]> {
    return this.database.query<Refund>(ofAttemptSql, [eventId, attemptId]);
  }

  /** How old the oldest is of those that have not ended, by state; states without any are not named. */
  async oldestUnfinished(): Promise<OldestRefund[]> {
    return this.database.query<OldestRefund>(oldestUnfinishedSql);
  }

  private async insert(
    tx: Transaction,
    request: RefundRequest,
    paid: Paid,
    seatIds: string[],
    unbookSeatIds: string[],
  ): Promise<Refund> {
    const priceOf = new Map(paid.seatIds.map((seatId, index) => [seatId, paid.seatPricesMinor[index] ?? 0]));
    const amountMinor = seatIds.reduce((sum, seatId) => sum + (priceOf.get(seatId) ?? 0), 0);
    const [refund] = await tx.query<Refund>(startSql, [
      paid.eventId,
      newId(),
      paid.attemptId,
      paid.bookedHoldId,
      amountMinor === 0 ? null : paid.intentId,
      request.askedBy,
      request.key,
      request.bodyHash,
      seatIds,
      unbookSeatIds,
      amountMinor,
      paid.currency,
      unbookSeatIds.length > 0 ? 'started' : 'unbooked',
      this.times.leaseMs,
    ]);
    if (!refund) throw new Error('The refund was not recorded');
    return refund;
  }
}

/** How many times the amount a move gives back: once, not at all, or takes it back. */
function givenBack(from: RefundState, to: RefundState): number {
  if (to === 'refunded') return 1;
  return from === 'refunded' ? -1 : 0;
}

interface Seat {
  seatId: string;
}

/** A refund that failed, and that nobody has settled otherwise. */
interface Owed {
  breakId: string;
  seatIds: string[];
}

interface Paid {
  eventId: string;
  attemptId: string;
  state: string;
  bookedHoldId: string;
  intentId: string | null;
  seatIds: string[];
  seatPricesMinor: number[];
  currency: string;
}

/** $1 attempt · $2 buyer, or null */
const paidSql = `
SELECT event_id AS "eventId", attempt_id AS "attemptId", state, coalesce(late_hold_id, hold_id) AS "bookedHoldId",
       intent_id AS "intentId", seat_ids AS "seatIds", seat_prices_minor::float8[] AS "seatPricesMinor", currency
  FROM payments.attempts
 WHERE attempt_id = $1 AND ($2::text IS NULL OR buyer_id = $2)
   FOR UPDATE`;

/** $1 event · $2 attempt · $3 asked by · $4 key */
const sameKeySql = `
SELECT ${COLUMNS}, body_hash AS "bodyHash"
  FROM payments.refunds
 WHERE event_id = $1 AND attempt_id = $2 AND asked_by = $3 AND refund_key = $4`;

/**
 * Locked, so that nobody resolves the break meanwhile: the money would go back twice.
 *
 * $1 event · $2 attempt · $3 failed refunds at most
 */
const owedSql = `
SELECT b.break_id AS "breakId", r.seat_ids AS "seatIds"
  FROM payments.breaks b
  JOIN payments.refunds r ON r.event_id = b.event_id AND r.refund_id = b.refund_id
 WHERE b.kind = 'refund-failed' AND b.event_id = $1 AND b.attempt_id = $2 AND b.resolved_at IS NULL
   AND (SELECT count(*) FROM payments.refunds f
         WHERE f.event_id = $1 AND f.attempt_id = $2 AND f.state = 'failed') < $3
   FOR UPDATE OF b`;

/** $1 event · $2 attempt */
const givenBackSql = `SELECT seat_id AS "seatId" FROM payments.refund_seats WHERE event_id = $1 AND attempt_id = $2`;

/** $1 breaks · $2 by whom · $3 note */
const settleSql = `
UPDATE payments.breaks SET resolved_at = clock_timestamp(), resolved_by = $2, note = $3
 WHERE break_id = ANY ($1::uuid[])`;

/**
 * $1 event · $2 refund · $3 attempt · $4 hold · $5 intent · $6 asked by · $7 key · $8 body hash · $9 seats · $10 seats to
 * unbook · $11 amount · $12 currency · $13 state · $14 lease ms
 */
const startSql = `
WITH started AS (
  INSERT INTO payments.refunds (event_id, refund_id, attempt_id, hold_id, intent_id, asked_by, refund_key, body_hash,
                                seat_ids, unbook_seat_ids, amount_minor, currency, state, created_at, next_at)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, t.now, t.now + $14::float8 * interval '1 ms'
    FROM (SELECT clock_timestamp() AS now) t
  RETURNING *
), claimed AS (
  INSERT INTO payments.refund_seats (event_id, attempt_id, seat_id, refund_id)
  SELECT s.event_id, s.attempt_id, seat_id, s.refund_id
    FROM started s CROSS JOIN LATERAL unnest(s.unbook_seat_ids) AS seat_id
)
SELECT ${COLUMNS} FROM started`;

/**
 * $1 event · $2 refund · $3 state · $4 version · $5 state to · $6 an end · $7 failure · $8 provider's refund · $9 key
 * generation · $10 key spent · $11 lease ms · $12 amount given back by this move, below zero when it has bounced
 */
const moveSql = `
WITH moved AS (
  UPDATE payments.refunds
     SET state = $5, version = version + 1, failure = $7, provider_refund_id = $8, key_generation = $9, key_spent = $10,
         tries = 0, next_at = clock_timestamp() + $11::float8 * interval '1 ms',
         ended_at = CASE WHEN $6 THEN clock_timestamp() END
   WHERE event_id = $1 AND refund_id = $2 AND state = $3 AND version = $4
  RETURNING *
), counted AS (
  UPDATE payments.attempts a SET refunded_minor = a.refunded_minor + $12::bigint
    FROM moved m
   WHERE $12::bigint <> 0 AND a.event_id = m.event_id AND a.attempt_id = m.attempt_id
), posted AS (
  INSERT INTO payments.money_ledger (event_id, attempt_id, subject_id, kind, debit, credit, amount_minor, currency, at)
  SELECT m.event_id, m.attempt_id, m.refund_id, p.kind, p.debit, p.credit, p.amount, m.currency, clock_timestamp()
    FROM moved m CROSS JOIN LATERAL (
      VALUES ('refunded', 'buyers', 'captured', $12::bigint),
             ('refund-failed', 'captured', 'buyers', -$12::bigint)) AS p (kind, debit, credit, amount)
   WHERE p.amount > 0
), broken AS (
  INSERT INTO payments.breaks (break_id, kind, object_id, event_id, attempt_id, refund_id, details, found_at, seen_at)
  SELECT gen_random_uuid(), CASE WHEN m.state = 'failed' THEN 'refund-failed' ELSE 'unbook-refused' END,
         m.refund_id::text, m.event_id, m.attempt_id, m.refund_id,
         jsonb_build_object('failure', m.failure, 'amountMinor', m.amount_minor, 'currency', m.currency,
                            'seatIds', m.seat_ids, 'providerRefund', m.provider_refund_id),
         t.now, t.now
    FROM moved m CROSS JOIN (SELECT clock_timestamp() AS now) t
   WHERE m.state IN ('failed', 'refused')
  ON CONFLICT (kind, object_id) DO NOTHING
)
SELECT ${COLUMNS} FROM moved`;

/** $1 event · $2 refund · $3 version · $4 delay ms · $5 key spent */
const postponeSql = `
UPDATE payments.refunds
   SET version = version + 1, key_spent = $5, tries = tries + 1, in_hand = false,
       next_at = clock_timestamp() + $4::float8 * interval '1 ms'
 WHERE event_id = $1 AND refund_id = $2 AND version = $3
RETURNING ${COLUMNS}`;

/** $1 limit · $2 lease ms */
const takeUpSql = `
WITH due AS (
  SELECT event_id AS due_event, refund_id AS due_refund
    FROM payments.refunds
   WHERE ended_at IS NULL AND next_at <= (SELECT clock_timestamp())
   ORDER BY next_at
   LIMIT $1
     FOR UPDATE SKIP LOCKED
)
UPDATE payments.refunds
   SET version = version + 1, in_hand = true, next_at = clock_timestamp() + $2::float8 * interval '1 ms'
  FROM due
 WHERE event_id = due_event AND refund_id = due_refund
RETURNING ${COLUMNS}`;

/** $1 event · $2 refund */
const rereadSql = `SELECT ${COLUMNS} FROM payments.refunds WHERE event_id = $1 AND refund_id = $2`;

/** $1 event · $2 attempt */
const ofAttemptSql = `
SELECT ${COLUMNS} FROM payments.refunds WHERE event_id = $1 AND attempt_id = $2 ORDER BY created_at, refund_id`;

const oldestUnfinishedSql = `
SELECT state, greatest(0, extract(epoch FROM clock_timestamp() - min(created_at)))::float8 AS seconds
  FROM payments.refunds
 WHERE ended_at IS NULL
 GROUP BY state`;
