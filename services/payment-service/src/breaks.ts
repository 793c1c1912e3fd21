import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';

/**
 * Where the provider's books and ours differ, or money could not be moved as it should.
 *
 * - `amount-differs`: the provider names another amount or currency than the attempt's
 * - `webhook-amount-differs`: a webhook did; what the provider itself says is read and compared apart from it
 * - `state-differs`: paid here and not there
 * - `orphan-authorisation`, `orphan-charge`: money that no attempt has a seat for, set aside or taken
 * - `charge-missing`, `refund-missing`: in our books and not in the provider's
 * - `unknown-refund`: given back there, but not by us
 * - `refund-failed`: the provider could not give the money back, or refused to
 * - `unbook-refused`: the seats of a refund were not the payment's any more; no money was given back
 */
export type BreakKind =
  | 'amount-differs'
  | 'webhook-amount-differs'
  | 'state-differs'
  | 'orphan-authorisation'
  | 'orphan-charge'
  | 'charge-missing'
  | 'refund-missing'
  | 'unknown-refund'
  | 'refund-failed'
  | 'unbook-refused';

export interface Finding {
  kind: BreakKind;
  /** The provider's id of the object, or ours where it has none. */
  objectId: string;
  eventId?: string | null;
  attemptId?: string | null;
  refundId?: string | null;
  /** Both sides, for people. */
  details: Record<string, unknown>;
  /** What was done about it at once; the break is then resolved by reconciliation. */
  done?: string;
}

export interface Break extends Required<Omit<Finding, 'done'>> {
  breakId: string;
  foundAt: Date;
  /** When it was last found again. */
  seenAt: Date;
  resolvedAt: Date | null;
  resolvedBy: string | null;
  note: string | null;
}

/** Records a finding, once: found again, it is only seen again, and one that is resolved stays so. */
export async function recordBreak(database: Database, finding: Finding): Promise<void> {
  await database.query(recordSql, [
    newId(),
    finding.kind,
    finding.objectId,
    finding.eventId ?? null,
    finding.attemptId ?? null,
    finding.refundId ?? null,
    JSON.stringify(finding.details),
    finding.done ?? null,
  ]);
}

/** @param all also those that are resolved; the oldest first, at most `limit` */
export async function listBreaks(
  database: Database,
  { all, limit }: { all: boolean; limit: number },
): Promise<Break[]> {
  return database.query<Break>(listSql, [all, limit]);
}

/** How many are open, by kind; kinds without any are not named. */
export async function countOpenBreaks(database: Database): Promise<{ kind: BreakKind; open: number }[]> {
  return database.query(countSql);
}

/**
 * Marks a break as put right.
 *
 * @param note what was done; kept with the break
 * @returns false when there is no such break, or it is resolved already
 */
export async function resolveBreak(database: Database, breakId: string, by: string, note: string): Promise<boolean> {
  return (await database.query(resolveSql, [breakId, by, note])).length > 0;
}

/** $1 break · $2 kind · $3 object · $4 event · $5 attempt · $6 refund · $7 details · $8 what was done, or null */
const recordSql = `
INSERT INTO payments.breaks AS b (break_id, kind, object_id, event_id, attempt_id, refund_id, details, found_at, seen_at,
                                  resolved_at, resolved_by, note)
SELECT $1, $2, $3, $4, $5, $6, $7, t.now, t.now,
       CASE WHEN $8::text IS NOT NULL THEN t.now END, CASE WHEN $8::text IS NOT NULL THEN 'reconciliation' END, $8
  FROM (SELECT clock_timestamp() AS now) t
ON CONFLICT (kind, object_id) DO UPDATE SET seen_at = excluded.seen_at`;

/** $1 all · $2 limit */
const listSql = `
SELECT break_id AS "breakId", kind, object_id AS "objectId", event_id AS "eventId", attempt_id AS "attemptId",
       refund_id AS "refundId", details, found_at AS "foundAt", seen_at AS "seenAt", resolved_at AS "resolvedAt",
       resolved_by AS "resolvedBy", note
  FROM payments.breaks
 WHERE $1 OR resolved_at IS NULL
 ORDER BY found_at
 LIMIT $2`;

const countSql = `
SELECT kind, count(*)::int AS open FROM payments.breaks WHERE resolved_at IS NULL GROUP BY kind ORDER BY kind`;

/** $1 break · $2 by whom · $3 note */
const resolveSql = `
UPDATE payments.breaks SET resolved_at = clock_timestamp(), resolved_by = $2, note = $3
 WHERE break_id = $1 AND resolved_at IS NULL
RETURNING break_id`;
