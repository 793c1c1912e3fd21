import type { Database } from '@holdfast/postgres';

/** A hold with what the seats themselves say: how many are booked for it, and what these cost. Minor units. */
export interface HoldLine {
  holdId: string;
  seats: number;
  booked: number;
  amountMinor: number;
}

/** A payment attempt as it stands in our own table. */
export interface AttemptLine {
  attemptId: string;
  holdId: string;
  state: string;
  ended: boolean;
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

/** Reads what is left of an event: the seats, our attempts, and the provider's books. */
export async function readBooks(db: Database, eventId: string, provider: ProviderAccess): Promise<Books> {
  const holds = await db.query<HoldLine>(
    `SELECT h.hold_id AS "holdId", cardinality(h.seat_ids) AS seats, h.amount_minor::float8 AS "amountMinor",
            (SELECT count(*)::int FROM inventory.seats s
              WHERE s.event_id = h.event_id AND s.hold_id = h.hold_id AND s.state = 'booked') AS booked
       FROM inventory.holds h WHERE h.event_id = $1`,
    [eventId],
  );
  const attempts = await db.query<AttemptLine>(
    `SELECT attempt_id AS "attemptId", hold_id AS "holdId", state::text, ended_at IS NOT NULL AS ended
       FROM payments.attempts WHERE event_id = $1`,
    [eventId],
  );
  return { holds, attempts, intents: intentsOf(eventId, await readProvider(provider)) };
}

/** Webhooks that are still on their way: until there are none, more may happen. */
export async function undeliveredWebhooks(provider: ProviderAccess): Promise<number> {
  return (await readProvider(provider)).undelivered;
}

async function readProvider({ url, secretKey }: ProviderAccess): Promise<ProviderBooks> {
  const response = await fetch(new URL('/sandbox/books', url), { headers: { authorization: `Bearer ${secretKey}` } });
  if (!response.ok) throw new Error(`The provider does not open its books: ${response.status}`);
  return (await response.json()) as ProviderBooks;
}

function intentsOf(eventId: string, { intents, charges, refunds }: ProviderBooks): IntentLine[] {
  const sums = new Map(
    intents
      .filter(({ metadata }) => metadata.eventId === eventId)
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
