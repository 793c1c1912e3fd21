import type { Database } from '@holdfast/postgres';
import type { ProviderEvent } from './provider-event';

/**
 * What was made of an event: it makes something due (`hint`), says nothing new (`settled`), does not fit what we know
 * and is looked into by reconciliation (`doubtful`), is of a kind we do nothing with, or was here before.
 */
export type Verdict = 'hint' | 'settled' | 'doubtful' | 'unknown-type' | 'duplicate';

/** An event that does not fit, to be looked into. */
export interface DoubtfulEvent {
  providerEventId: string;
  type: string;
  objectId: string;
  intentId: string | null;
}

/** Events that say of an ended attempt what its end should have ruled out, unless they come late. */
const SURPRISING = ['payment_intent.succeeded', 'payment_intent.amount_capturable_updated'];

/** How long one instance may look into a doubt before another one does. */
const CHECK_LEASE_MS = 60_000;
/** The provider repeats an event for three days. */
const KEPT_DAYS = 30;

/** The events that the provider has told, each once. */
export class Inbox {
  constructor(private readonly database: Database) {}

  /**
   * Stores an event together with its effect, in one statement; the effect of a hint is that its attempt, or its refund,
   * is due now.
   */
  async receive(event: ProviderEvent): Promise<Verdict> {
    const rows = await this.database.query<{ verdict: Verdict }>(receiveSql, [
      event.providerEventId,
      event.type,
      event.objectId,
      event.intentId,
      event.eventId,
      event.attemptId,
      event.objectKind !== null,
      event.objectKind === 'refund' ? null : event.amountMinor,
      event.currency,
      SURPRISING.includes(event.type),
      event.createdAt,
    ]);
    return rows[0]?.verdict ?? 'duplicate';
  }

  /** Takes up to `limit` doubtful events, leased to the caller. */
  async takeDoubtful(limit: number): Promise<DoubtfulEvent[]> {
    return this.database.query<DoubtfulEvent>(takeDoubtfulSql, [limit, CHECK_LEASE_MS]);
  }

  /** There is nothing more to look at. */
  async settle({ providerEventId }: DoubtfulEvent): Promise<void> {
    await this.database.query(settleSql, [providerEventId]);
  }

  /** Forgets what can no longer be told again. */
  async forget(): Promise<void> {
    await this.database.query(forgetSql, [KEPT_DAYS]);
  }
}

/** By its state: asked by `ended_at IS NULL`, the queue of all unfinished refunds was read for each event of one payment. */
const UNFINISHED = `('started', 'unbooked', 'refunding')`;

/**
 * $1 provider's event · $2 type · $3 object · $4 intent · metadata: $5 event $6 attempt · $7 of a kind that concerns
 * payments · $8 amount · $9 currency · $10 surprising once the attempt has ended · $11 made at
 */
const receiveSql = `
WITH t AS MATERIALIZED (
  SELECT clock_timestamp() AS now
), known AS (
  SELECT event_id, attempt_id, state, ended_at, amount_minor, currency FROM payments.attempts
   WHERE event_id = $5 AND attempt_id = $6
   UNION
  SELECT event_id, attempt_id, state, ended_at, amount_minor, currency FROM payments.attempts
   WHERE intent_id = $4
   LIMIT 1
), judged AS (
  SELECT k.*, coalesce(k.amount_minor <> $8::bigint OR k.currency <> $9::text, false) AS amount_differs,
         EXISTS (SELECT FROM payments.refunds r
                  WHERE r.event_id = k.event_id AND r.attempt_id = k.attempt_id AND r.state IN ${UNFINISHED}) AS refunding
    FROM t LEFT JOIN known k ON true
), stored AS (
  INSERT INTO payments.inbox (provider_event_id, type, object_id, intent_id, event_id, attempt_id, created_at,
                              received_at, verdict, check_at)
  SELECT $1, $2, $3, $4, j.event_id, j.attempt_id, $11, t.now, v.verdict,
         CASE WHEN v.verdict = 'doubtful' THEN t.now END
    FROM judged j CROSS JOIN t CROSS JOIN LATERAL (
      SELECT CASE
               WHEN NOT $7::boolean THEN 'unknown-type'
               WHEN j.attempt_id IS NULL OR j.amount_differs THEN 'doubtful'
               WHEN $2 = 'refund.failed' THEN 'doubtful'
               WHEN $10::boolean AND j.ended_at IS NOT NULL AND j.state NOT IN ('captured', 'returned') THEN 'doubtful'
               WHEN j.ended_at IS NULL OR j.refunding THEN 'hint'
               ELSE 'settled'
             END AS verdict) v
  ON CONFLICT DO NOTHING
  RETURNING verdict
), hinted AS (
  UPDATE payments.attempts a
     SET hinted = true, next_at = CASE WHEN a.in_hand AND a.next_at > t.now THEN a.next_at ELSE t.now END
    FROM judged j CROSS JOIN t CROSS JOIN stored s
   WHERE $7::boolean AND a.event_id = j.event_id AND a.attempt_id = j.attempt_id AND a.ended_at IS NULL
), looked_for AS (
  -- What is said of a refund is worth a look at those of its payment; that of one that is done, a look by reconciliation.
  UPDATE payments.refunds r SET next_at = t.now
    FROM judged j CROSS JOIN t CROSS JOIN stored s
   WHERE $7::boolean AND r.event_id = j.event_id AND r.attempt_id = j.attempt_id
     AND r.state IN ${UNFINISHED} AND NOT r.in_hand
), broken AS (
  INSERT INTO payments.breaks AS b (break_id, kind, object_id, event_id, attempt_id, details, found_at, seen_at)
  SELECT gen_random_uuid(), 'webhook-amount-differs', $1, j.event_id, j.attempt_id,
         jsonb_build_object('intent', $4::text, 'ours', j.amount_minor, 'theirs', $8::bigint,
                            'ourCurrency', j.currency, 'theirCurrency', $9::text),
         t.now, t.now
    FROM judged j CROSS JOIN t CROSS JOIN stored s
   WHERE $7::boolean AND j.amount_differs
  ON CONFLICT (kind, object_id) DO NOTHING
)
SELECT verdict FROM stored`;

/** $1 limit · $2 lease ms */
const takeDoubtfulSql = `
WITH due AS (
  SELECT provider_event_id AS due_id FROM payments.inbox
   WHERE check_at <= (SELECT clock_timestamp())
   ORDER BY check_at
   LIMIT $1
     FOR UPDATE SKIP LOCKED
)
UPDATE payments.inbox i SET check_at = clock_timestamp() + $2::float8 * interval '1 ms'
  FROM due
 WHERE i.provider_event_id = due.due_id
RETURNING provider_event_id AS "providerEventId", type, object_id AS "objectId", intent_id AS "intentId"`;

/** $1 provider's event */
const settleSql = `UPDATE payments.inbox SET check_at = NULL WHERE provider_event_id = $1`;

/** $1 days */
const forgetSql = `
DELETE FROM payments.inbox
 WHERE received_at < clock_timestamp() - $1::int * interval '1 day' AND check_at IS NULL`;
