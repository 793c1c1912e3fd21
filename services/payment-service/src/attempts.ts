import type { LatePayment } from '@holdfast/contracts';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { hasEnded, type State } from './attempt-lifecycle';

/** What was asked by the buyer. */
export interface PaymentRequest {
  eventId: string;
  holdId: string;
  buyerId: string;
  paymentMethod: string;
  /** The hold's version the buyer saw. */
  version?: number;
  /** The Idempotency-Key, and the hash of the body it came with. */
  key: string;
  bodyHash: Buffer;
}

/** What an attempt learns on its way. */
export interface AttemptFacts {
  /** Why it fails; given with the move that makes it fail, and kept until its end. */
  reason?: string | null;
  amountMinor?: number | null;
  currency?: string | null;
  /** The version under which `book` is fenced. */
  fenceVersion?: number | null;
  seatIds?: string[] | null;
  /** In the order of the seats; they sum to the amount. */
  seatPricesMinor?: number[] | null;
  latePayment?: LatePayment | null;
  /** Under which a late payer gets the same seats again. */
  lateHoldId?: string | null;
  /** Of the hold, by the clock of hold-service's database. */
  deadline?: Date | null;
  intentId?: string | null;
  /** What has become of the amount so far. */
  authorisedMinor?: number;
  capturedMinor?: number;
  releasedMinor?: number;
  keyGeneration?: number;
  keySpent?: boolean;
}

export interface Attempt extends Required<AttemptFacts> {
  eventId: string;
  attemptId: string;
  holdId: string;
  buyerId: string;
  paymentMethod: string;
  /** The hold's version the buyer named, if any. */
  askedVersion: number | null;
  state: State;
  version: number;
  /** What was given back of the captured amount. */
  refundedMinor: number;
  /** Times in a row that nobody answered in this state. */
  tries: number;
  createdAt: Date;
  /** Nobody else takes it up before. */
  nextAt: Date;
  deadlinePassed: boolean;
  /** The time of the answer that read it, by the database's clock. */
  serverTime: Date;
}

/** The oldest attempt in a state that is no end, by its age. */
export interface OldestAttempt {
  state: State;
  seconds: number;
}

export type StartOutcome =
  | { outcome: 'started'; attempt: Attempt }
  | { outcome: 'replayed'; attempt: Attempt }
  | { outcome: 'key-reused' }
  | { outcome: 'payment-in-progress' };

export interface AttemptTimes {
  /** How long nobody else takes up an attempt that is worked on. Longer than any one call may take. */
  leaseMs: number;
  /** First wait after no answer; it doubles with every further one. */
  backoffMs: number;
  backoffMaxMs: number;
  /** How often an intent that waits for its payer is read. */
  actionPollMs: number;
}

/** The key of a request is free again when nothing was asked of the provider for it. */
const KEY_FREE_AGAIN: ReadonlySet<State> = new Set(['refused']);

const COLUMNS = `
  event_id AS "eventId", attempt_id AS "attemptId", hold_id AS "holdId", buyer_id AS "buyerId",
  payment_method AS "paymentMethod", asked_version AS "askedVersion", state, version, reason,
  amount_minor::float8 AS "amountMinor", currency, fence_version AS "fenceVersion", seat_ids AS "seatIds",
  seat_prices_minor::float8[] AS "seatPricesMinor", late_payment AS "latePayment", late_hold_id AS "lateHoldId", deadline,
  intent_id AS "intentId", authorised_minor::float8 AS "authorisedMinor", captured_minor::float8 AS "capturedMinor",
  released_minor::float8 AS "releasedMinor", refunded_minor::float8 AS "refundedMinor", key_generation AS "keyGeneration", key_spent AS "keySpent", tries,
  created_at AS "createdAt", next_at AS "nextAt", clock_timestamp() AS "serverTime",
  coalesce(deadline <= clock_timestamp(), false) AS "deadlinePassed"`;

/** The attempts' rows. Whoever changes one names the version it read; zero rows means that somebody else was first. */
export class Attempts {
  constructor(
    private readonly database: Database,
    private readonly times: AttemptTimes,
  ) {}

  /** Records a new attempt, leased to the caller, or says what the key or the hold stands in its way with. */
  async start(request: PaymentRequest): Promise<StartOutcome> {
    // What was in the way may be gone when it is looked at; then the way is free.
    for (;;) {
      const attempt = await this.insert(request);
      if (attempt) return { outcome: 'started', attempt };
      const obstacle = await this.findObstacle(request);
      if (obstacle) return obstacle;
    }
  }

  /** What the key or the hold stands in a new attempt's way with; undefined when nothing does. */
  async findObstacle(request: PaymentRequest): Promise<StartOutcome | undefined> {
    const rows = await this.database.query<Attempt & { bodyHash: Buffer; sameKey: boolean }>(obstacleSql, [
      request.eventId,
      request.buyerId,
      request.key,
      request.holdId,
    ]);
    const same = rows.find((row) => row.sameKey);
    if (same && !same.bodyHash.equals(request.bodyHash)) return { outcome: 'key-reused' };
    if (same) return { outcome: 'replayed', attempt: same };
    return rows.length > 0 ? { outcome: 'payment-in-progress' } : undefined;
  }

  /**
   * Moves an attempt to another state, or the same, with what was learnt; renews the lease. What became of the money is
   * posted in the same statement; an attempt that was charged and has lost its seats leaves a refund behind.
   *
   * @returns undefined when somebody else has changed it meanwhile
   */
  async move(attempt: Attempt, to: State, facts: AttemptFacts): Promise<Attempt | undefined> {
    const known: Required<AttemptFacts> = { ...attempt, ...facts };
    const rows = await this.database.query<Attempt>(moveSql, [
      attempt.eventId,
      attempt.attemptId,
      attempt.state,
      attempt.version,
      JSON.stringify({
        ...known,
        to,
        isEnd: hasEnded(to),
        freesKey: KEY_FREE_AGAIN.has(to) || (attempt.state === 'started' && to === 'abandoning'),
        leaseMs: this.times.leaseMs,
        authorisedBefore: attempt.authorisedMinor,
        capturedBefore: attempt.capturedMinor,
        releasedBefore: attempt.releasedMinor,
        wholeRefundId: to === 'returned' ? newId() : null,
      }),
    ]);
    return rows[0];
  }

  /** Leaves an attempt to be taken up later: soon when its payer is waited for, by backoff when nobody answered. */
  async postpone(attempt: Attempt, { keySpent, waiting }: { keySpent: boolean; waiting: boolean }): Promise<Attempt> {
    const backoffMs = Math.min(this.times.backoffMs * 2 ** attempt.tries, this.times.backoffMaxMs);
    const rows = await this.database.query<Attempt>(postponeSql, [
      attempt.eventId,
      attempt.attemptId,
      attempt.version,
      waiting ? this.times.actionPollMs : backoffMs,
      keySpent,
      waiting ? 0 : 1,
    ]);
    return rows[0] ?? this.reread(attempt);
  }

  /** Takes up to `limit` unfinished attempts that nobody works on. Each is leased to the caller. */
  async takeUp(limit: number): Promise<Attempt[]> {
    return this.database.query<Attempt>(takeUpSql, [limit, this.times.leaseMs]);
  }

  /** Takes up this attempt as it was read, whoever else works on it: their next move then finds it changed. */
  async takeOver(attempt: Attempt): Promise<Attempt | undefined> {
    const values = [attempt.eventId, attempt.attemptId, attempt.version, this.times.leaseMs];
    return (await this.database.query<Attempt>(takeOverSql, values))[0];
  }

  /** An attempt as it is now. */
  async reread(attempt: Pick<Attempt, 'eventId' | 'attemptId'>): Promise<Attempt> {
    const rows = await this.database.query<Attempt>(rereadSql, [attempt.eventId, attempt.attemptId]);
    if (!rows[0]) throw new Error(`Payment attempt ${attempt.attemptId} is gone`);
    return rows[0];
  }

  /** By its id alone; undefined when there is none, or it is not the buyer's who is named. */
  async find(attemptId: string, buyerId: string | undefined): Promise<Attempt | undefined> {
    return (await this.database.query<Attempt>(findSql, [attemptId, buyerId ?? null]))[0];
  }

  /** How old the oldest is of those that have not ended, by state; states without any are not named. */
  async oldestUnfinished(): Promise<OldestAttempt[]> {
    return this.database.query<OldestAttempt>(oldestUnfinishedSql);
  }

  private async insert(request: PaymentRequest): Promise<Attempt | undefined> {
    const rows = await this.database.query<Attempt>(startSql, [
      request.eventId,
      newId(),
      request.holdId,
      request.buyerId,
      request.key,
      request.bodyHash,
      request.paymentMethod,
      request.version ?? null,
      this.times.leaseMs,
    ]);
    return rows[0];
  }
}

/** $1 event · $2 attempt · $3 hold · $4 buyer · $5 key · $6 body hash · $7 method · $8 version or null · $9 lease ms */
const startSql = `
INSERT INTO payments.attempts (event_id, attempt_id, hold_id, buyer_id, pay_key, body_hash, payment_method,
                               asked_version, created_at, next_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, t.now, t.now + $9::float8 * interval '1 ms'
  FROM (SELECT clock_timestamp() AS now) t
ON CONFLICT DO NOTHING
RETURNING ${COLUMNS}`;

/** $1 event · $2 buyer · $3 key · $4 hold */
const obstacleSql = `
SELECT ${COLUMNS}, body_hash AS "bodyHash", pay_key IS NOT DISTINCT FROM $3 AS "sameKey"
  FROM payments.attempts
 WHERE event_id = $1 AND buyer_id = $2 AND (pay_key = $3 OR (hold_id = $4 AND ended_at IS NULL))`;

/**
 * The attempt's facts and what the move makes of them come by name, as one JSON object: a column and its value cannot be
 * mixed up. What the object lacks is NULL.
 *
 * $1 event · $2 attempt · $3 state · $4 version · $5 the move
 */
const moveSql = `
WITH move AS (
  SELECT *
    FROM jsonb_to_record($5::jsonb) AS m (
      "to" payments.attempt_state, "isEnd" boolean, "freesKey" boolean, "leaseMs" float8, "wholeRefundId" uuid,
      reason text, "amountMinor" bigint, currency text, "fenceVersion" integer, deadline timestamptz,
      "seatIds" text[], "seatPricesMinor" bigint[], "latePayment" text, "lateHoldId" uuid,
      "intentId" text, "keyGeneration" integer, "keySpent" boolean,
      "authorisedMinor" bigint, "capturedMinor" bigint, "releasedMinor" bigint,
      "authorisedBefore" bigint, "capturedBefore" bigint, "releasedBefore" bigint)
), moved AS (
  UPDATE payments.attempts a
     SET state = move."to", version = a.version + 1, reason = move.reason,
         amount_minor = move."amountMinor", currency = move.currency, fence_version = move."fenceVersion",
         deadline = move.deadline, seat_ids = move."seatIds", seat_prices_minor = move."seatPricesMinor",
         late_payment = move."latePayment", late_hold_id = move."lateHoldId",
         intent_id = move."intentId", key_generation = move."keyGeneration", key_spent = move."keySpent",
         authorised_minor = move."authorisedMinor", captured_minor = move."capturedMinor",
         released_minor = move."releasedMinor",
         tries = 0, next_at = clock_timestamp() + move."leaseMs" * interval '1 ms',
         ended_at = CASE WHEN move."isEnd" THEN clock_timestamp() END,
         pay_key = CASE WHEN move."freesKey" THEN NULL ELSE a.pay_key END
    FROM move
   WHERE a.event_id = $1 AND a.attempt_id = $2 AND a.state = $3 AND a.version = $4
  RETURNING a.*
), posted AS (
  INSERT INTO payments.money_ledger (event_id, attempt_id, subject_id, kind, debit, credit, amount_minor, currency, at)
  SELECT m.event_id, m.attempt_id, m.attempt_id, p.kind, p.debit, p.credit, p.amount, m.currency, clock_timestamp()
    FROM moved m CROSS JOIN move CROSS JOIN LATERAL (
      VALUES ('authorised', 'authorised', 'buyers', m.authorised_minor - move."authorisedBefore"),
             ('captured', 'captured', 'authorised', m.captured_minor - move."capturedBefore"),
             ('released', 'buyers', 'authorised', m.released_minor - move."releasedBefore")
    ) AS p (kind, debit, credit, amount)
   WHERE p.amount <> 0
), given_back AS (
  INSERT INTO payments.refunds (event_id, refund_id, attempt_id, hold_id, intent_id, seat_ids, amount_minor, currency,
                                state, next_at, in_hand, created_at)
  SELECT m.event_id, move."wholeRefundId", m.attempt_id, m.hold_id, m.intent_id, '{}', m.captured_minor, m.currency,
         'unbooked', t.now, false, t.now
    FROM moved m CROSS JOIN move CROSS JOIN (SELECT clock_timestamp() AS now) t
   WHERE move."wholeRefundId" IS NOT NULL
)
SELECT ${COLUMNS} FROM moved`;

/**
 * At once when a hint came meanwhile. Else not later than the deadline, at which an attempt is given up; but not at once either, should that have passed.
 *
 * $1 event · $2 attempt · $3 version · $4 delay ms · $5 key spent · $6 tries to add
 */
const postponeSql = `
UPDATE payments.attempts
   SET version = version + 1, key_spent = $5, tries = tries + $6, in_hand = false, hinted = false,
       next_at = CASE WHEN hinted THEN clock_timestamp()
                      WHEN state IN ('begun', 'unconfirmed', 'requires-action') AND deadline > clock_timestamp()
                      THEN least(clock_timestamp() + $4::float8 * interval '1 ms', deadline)
                      ELSE clock_timestamp() + $4::float8 * interval '1 ms' END
 WHERE event_id = $1 AND attempt_id = $2 AND version = $3
RETURNING ${COLUMNS}`;

/** $1 limit · $2 lease ms */
const takeUpSql = `
WITH due AS (
  SELECT event_id, attempt_id
    FROM payments.attempts
   WHERE ended_at IS NULL AND next_at <= (SELECT clock_timestamp())
   ORDER BY next_at
   LIMIT $1
     FOR UPDATE SKIP LOCKED
)
UPDATE payments.attempts a
   SET version = version + 1, in_hand = true, hinted = false,
       next_at = clock_timestamp() + $2::float8 * interval '1 ms'
  FROM (SELECT event_id AS due_event, attempt_id AS due_attempt FROM due) d
 WHERE a.event_id = d.due_event AND a.attempt_id = d.due_attempt
RETURNING ${COLUMNS}`;

/** $1 event · $2 attempt · $3 version · $4 lease ms */
const takeOverSql = `
UPDATE payments.attempts
   SET version = version + 1, in_hand = true, hinted = false,
       next_at = clock_timestamp() + $4::float8 * interval '1 ms'
 WHERE event_id = $1 AND attempt_id = $2 AND version = $3 AND ended_at IS NULL
RETURNING ${COLUMNS}`;

/** $1 event · $2 attempt */
const rereadSql = `SELECT ${COLUMNS} FROM payments.attempts WHERE event_id = $1 AND attempt_id = $2`;

/** $1 attempt · $2 buyer, or null */
const findSql = `
SELECT ${COLUMNS} FROM payments.attempts WHERE attempt_id = $1 AND ($2::text IS NULL OR buyer_id = $2)`;

const oldestUnfinishedSql = `
SELECT state, greatest(0, extract(epoch FROM clock_timestamp() - min(created_at)))::float8 AS seconds
  FROM payments.attempts
 WHERE ended_at IS NULL
 GROUP BY state`;
