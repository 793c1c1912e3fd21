import type { Database } from '@holdfast/postgres';

/** A balance of one account of one event, in minor units. */
export interface Balance {
  eventId: string;
  currency: string;
  account: 'buyers' | 'authorised' | 'captured';
  amountMinor: number;
}

/** The balances of every event, or of one. Those of one event and currency add up to nothing. */
export async function moneyBalances(database: Database, eventId?: string): Promise<Balance[]> {
  return database.query<Balance>(balancesSql, [eventId ?? null]);
}

/** Events whose postings do not add up to nothing, or to what their payments say of themselves: none, unless it is broken. */
export async function unbalancedEvents(database: Database): Promise<{ eventId: string; currency: string }[]> {
  return database.query(unbalancedSql);
}

/** $1 event, or null */
const balancesSql = `
SELECT event_id AS "eventId", currency, account, sum(amount_minor)::float8 AS "amountMinor"
  FROM payments.money_entries
 WHERE $1::uuid IS NULL OR event_id = $1
 GROUP BY event_id, currency, account
 ORDER BY event_id, currency, account`;

const unbalancedSql = `
WITH posted AS (
  SELECT event_id, currency, sum(amount_minor) AS total,
         coalesce(sum(amount_minor) FILTER (WHERE account = 'authorised'), 0) AS authorised,
         coalesce(sum(amount_minor) FILTER (WHERE account = 'captured'), 0) AS captured
    FROM payments.money_entries
   GROUP BY event_id, currency
), paid AS (
  SELECT event_id, currency, sum(authorised_minor - captured_minor - released_minor) AS authorised,
         sum(captured_minor - refunded_minor) AS captured
    FROM payments.attempts
   WHERE authorised_minor > 0
   GROUP BY event_id, currency
)
SELECT coalesce(m.event_id, a.event_id) AS "eventId", coalesce(m.currency, a.currency) AS currency
  FROM posted m FULL JOIN paid a ON a.event_id = m.event_id AND a.currency = m.currency
 WHERE m.total <> 0 OR (m.authorised, m.captured) IS DISTINCT FROM (a.authorised, a.captured)`;
