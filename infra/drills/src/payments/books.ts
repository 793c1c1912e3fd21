import type { Database } from '@holdfast/postgres';

/**
 * A hold with what the seats themselves say: how many are booked for it, or for the one that took its place when its
 * payment came late, and what these cost. Minor units.
 */
export interface HoldLine {
  holdId: string;
  seats: number;
  booked: number;
  amountMinor: number;
}

/** A payment attempt as it stands in our own books: its row, the postings of our ledger, and what was left to people. */
export interface AttemptLine {
  attemptId: string;
  holdId: string;
  state: string;
  /** It and all of its refunds. */
  ended: boolean;
  /** Balances of the ledger's accounts. */
  setAsideMinor: number;
  takenMinor: number;
  /** Of all accounts together. */
  totalMinor: number;
  /** Money could not be moved as it should, and somebody has been told. */
  isBreak: boolean;
}

/** An intent in the provider's books, with its charge and refunds. Minor units. */
export interface IntentLine {
  intentId: string;
  attemptId: string;
  holdId: string;
  status: string;
  authorisedMinor: number;
  capturedMinor: number;
  /** What was given back or is on its way; a refund that failed is neither. */
  refundedMinor: number;
}

/** Everything the judge hears. Nothing in it is an answer of payment-service. */
export interface Books {
  holds: HoldLine[];
  attempts: AttemptLine[];
  intents: IntentLine[];
}

interface ProviderBooks {
  intents: { id: string; status: string; metadata: Record<string, string> }[];
  charges: { payment_intent: string; amount: number; amount_captured: number }[];
  refunds: { payment_intent: string; amount: number; status: string }[];
  undelivered: number;
}

export interface ProviderAccess {
  url: string;
  secretKey: string;
}

/** Reads what is left of some events: the seats, our attempts and ledger, and the provider's books. */
export async function readBooks(db: Database, eventIds: string[], provider: ProviderAccess): Promise<Books> {
  const holds = await db.query<HoldLine>(holdsSql, [eventIds]);
  const attempts = await db.query<AttemptLine>(attemptsSql, [eventIds]);
  return { holds, attempts, intents: intentsOf(new Set(eventIds), await readProvider(provider)) };
}

/** $1 events */
const holdsSql = `
SELECT h.hold_id AS "holdId", cardinality(h.seat_ids) AS seats, h.amount_minor::float8 AS "amountMinor",
       (SELECT count(*)::int
          FROM inventory.holds b
          JOIN inventory.seats s ON s.event_id = b.event_id AND s.seat_id = ANY (b.seat_ids)
         WHERE b.event_id = h.event_id AND coalesce(b.replaces_hold_id, b.hold_id) = h.hold_id
           AND s.hold_id = b.hold_id AND s.state = 'booked') AS booked
  FROM inventory.holds h
 WHERE h.event_id = ANY ($1::uuid[]) AND h.replaces_hold_id IS NULL`;

/** $1 events */
const attemptsSql = `
SELECT a.attempt_id AS "attemptId", a.hold_id AS "holdId", a.state::text,
       a.ended_at IS NOT NULL AND NOT EXISTS (
         SELECT FROM payments.refunds r
          WHERE r.event_id = a.event_id AND r.attempt_id = a.attempt_id AND r.ended_at IS NULL) AS ended,
       coalesce(m.set_aside, 0)::float8 AS "setAsideMinor", coalesce(m.taken, 0)::float8 AS "takenMinor",
       coalesce(m.total, 0)::float8 AS "totalMinor",
       EXISTS (SELECT FROM payments.breaks b WHERE b.attempt_id = a.attempt_id AND b.resolved_at IS NULL) AS "isBreak"
  FROM payments.attempts a
  LEFT JOIN (
    SELECT event_id, attempt_id, sum(amount_minor) AS total,
           sum(amount_minor) FILTER (WHERE account = 'authorised') AS set_aside,
           sum(amount_minor) FILTER (WHERE account = 'captured') AS taken
      FROM payments.money_entries GROUP BY event_id, attempt_id) m
    ON m.event_id = a.event_id AND m.attempt_id = a.attempt_id
 WHERE a.event_id = ANY ($1::uuid[])`;

/** Webhooks that are still on their way: until there are none, more may happen. */
export async function undeliveredWebhooks(provider: ProviderAccess): Promise<number> {
  return (await readProvider(provider)).undelivered;
}

async function readProvider({ url, secretKey }: ProviderAccess): Promise<ProviderBooks> {
  const response = await fetch(new URL('/sandbox/books', url), { headers: { authorization: `Bearer ${secretKey}` } });
  if (!response.ok) throw new Error(`The provider does not open its books: ${response.status}`);
  return (await response.json()) as ProviderBooks;
}

function intentsOf(eventIds: Set<string>, { intents, charges, refunds }: ProviderBooks): IntentLine[] {
  const sums = new Map(
    intents
      .filter(({ metadata }) => eventIds.has(metadata.eventId ?? ''))
      .map(({ id, status, metadata }): [string, IntentLine] => [
        id,
        {
          intentId: id,
          attemptId: metadata.attemptId ?? '',
          holdId: metadata.holdId ?? '',
          status,
          authorisedMinor: 0,
          capturedMinor: 0,
          refundedMinor: 0,
        },
      ]),
  );
  for (const { payment_intent: id, amount, amount_captured: captured } of charges) {
    const sum = sums.get(id);
    if (!sum) continue;
    sum.authorisedMinor += amount;
    sum.capturedMinor += captured;
  }
  for (const { payment_intent: id, amount, status } of refunds) {
    const sum = sums.get(id);
    if (sum && status !== 'failed') sum.refundedMinor += amount;
  }
  return [...sums.values()];
}
