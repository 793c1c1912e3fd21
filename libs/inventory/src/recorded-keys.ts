import type { Database } from '@holdfast/postgres';
import { at, type Conflict } from './batch';

/** What decides which answer a request gets again. */
export interface RequestKey {
  /** Whose key it is: a buyer's or an organiser's. */
  actorId: string;
  key: string;
}

/** Verbs whose keys have rows of their own. */
type KeyedVerb = 'extend' | 'block' | 'unblock';

const NOT_REFUSED = new Set(['extended', 'blocked', 'unblocked', 'key-reused', 'conflict']);

/**
 * Makes conflicts of refusals whose key has been recorded meanwhile. Copies of one request, sent at once, wait behind the
 * same locks: the first has its effect, which the second then finds in its way, while the key is not in its snapshot. A fresh
 * one finds the answer. Of 40 copies of an extension that named its version up to twelve were refused as stale.
 *
 * @param keys of the requests, in the order of their outcomes
 */
export async function conflictIfRecorded<Outcome extends { outcome: string }>(
  db: Database,
  eventId: string,
  verb: KeyedVerb,
  keys: RequestKey[],
  outcomes: (Outcome | Conflict)[],
): Promise<(Outcome | Conflict)[]> {
  const refused = outcomes.flatMap(({ outcome }, i) => (NOT_REFUSED.has(outcome) ? [] : [i]));
  if (refused.length === 0) return outcomes;
  const rows = await db.query<{ i: number }>(recordedSql, [
    eventId,
    verb,
    refused,
    refused.map((i) => at(keys, i).actorId),
    refused.map((i) => at(keys, i).key),
  ]);
  const recorded = new Set(rows.map(({ i }) => i));
  return outcomes.map((outcome, i) => (recorded.has(i) ? { outcome: 'conflict' } : outcome));
}

/**
 * As a scalar subquery the key stays on its index while the table has never been analysed; see holdSql.
 *
 * $1 event · $2 verb · requests $3 ordinal $4 actor $5 key
 */
const recordedSql = `
SELECT r.i
  FROM unnest($3::int[], $4::text[], $5::text[]) AS r (i, actor_id, key)
 WHERE (SELECT k.recorded_at FROM inventory.idempotency_keys k
         WHERE k.event_id = $1 AND k.actor_id = r.actor_id AND k.verb = $2 AND k.key = r.key) IS NOT NULL
`;
