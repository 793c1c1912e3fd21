import { openDatabase, type Database } from '@holdfast/postgres';

export type LedgerKind = 'held' | 'extended' | 'released' | 'expired' | 'booked' | 'unbooked' | 'blocked' | 'unblocked';

/** Times are milliseconds since the epoch by the database's clock, with fractions: Postgres counts microseconds. */
export interface LedgerLine {
  seatId: string;
  version: number;
  kind: LedgerKind;
  holdId: string | null;
  reason: string | null;
  atMs: number;
  /** Its place in the event's gap-free order; null while it has none. */
  seq: number | null;
}

export interface SeatLine {
  seatId: string;
  state: 'available' | 'held' | 'booked' | 'blocked';
  version: number;
  holdId: string | null;
  priceMinor: number;
}

export interface HoldLine {
  holdId: string;
  state: 'held' | 'booked' | 'released' | 'expired' | 'unbooked';
  deadlineMs: number;
  seatIds: string[];
  /** The hold that ran out and was paid late, of one that took its seats again. */
  replacesHoldId: string | null;
}

/** A payment intent in the provider's own books. Minor units. */
export interface IntentLine {
  intentId: string;
  holdId: string;
  status: string;
  /** Taken from the card, less what was given back. */
  takenMinor: number;
}

/** Everything the judge hears. Nothing in it is an answer of the services. */
export interface Evidence {
  nowMs: number;
  ledger: LedgerLine[];
  seats: SeatLine[];
  holds: HoldLine[];
  intents: IntentLine[];
}

export interface Provider {
  url: string;
  secretKey: string;
}

/** An event can have a million ledger entries. */
const STATEMENT_TIMEOUT_MS = 120_000;

export function openWitness(postgresUrl: string): Database {
  return openDatabase({
    url: postgresUrl,
    applicationName: 'holdfast-demo',
    connectionsMax: 2,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
}

/** Reads what is left of an event: the ledger, the seats, the holds, and the provider's books. */
export async function readEvidence(db: Database, eventId: string, provider: Provider): Promise<Evidence> {
  const intents = await readIntents(eventId, provider);
  const ledger = await db.query<LedgerLine>(
    `SELECT l.seat_id AS "seatId", l.seat_version AS version, l.kind, l.hold_id AS "holdId", l.reason,
            extract(epoch FROM l.at)::float8 * 1000 AS "atMs", s.seq::float8 AS seq
       FROM inventory.ledger l
       LEFT JOIN (SELECT q.last_seq - cardinality(q.seat_ids) + u.nth AS seq, u.seat_id, u.seat_version
                    FROM inventory.ledger_sequence q
                   CROSS JOIN LATERAL unnest(q.seat_ids, q.seat_versions)
                                      WITH ORDINALITY AS u (seat_id, seat_version, nth)
                   WHERE q.event_id = $1) s ON s.seat_id = l.seat_id AND s.seat_version = l.seat_version
      WHERE l.event_id = $1
      ORDER BY l.seat_id, l.seat_version`,
    [eventId],
  );
  const seats = await db.query<SeatLine>(
    `SELECT s.seat_id AS "seatId", s.state, s.version, s.hold_id AS "holdId", c.price_minor::float8 AS "priceMinor"
       FROM inventory.seats s JOIN inventory.categories c ON c.event_id = s.event_id AND c.category = s.category
      WHERE s.event_id = $1`,
    [eventId],
  );
  const holds = await db.query<HoldLine>(
    `SELECT hold_id AS "holdId", state, extract(epoch FROM deadline)::float8 * 1000 AS "deadlineMs",
            seat_ids AS "seatIds", replaces_hold_id AS "replacesHoldId"
       FROM inventory.holds WHERE event_id = $1`,
    [eventId],
  );
  const [clock] = await db.query<{ nowMs: number }>(
    'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS "nowMs"',
  );
  return { nowMs: clock?.nowMs ?? 0, ledger, seats, holds, intents };
}

/** What is not over yet: living holds, entries without their number, money set aside and neither taken nor given back. */
export async function readUnsettled(db: Database, eventId: string, provider: Provider): Promise<number> {
  const [row] = await db.query<{ open: number }>(
    `SELECT ((SELECT count(*) FROM inventory.holds WHERE event_id = $1 AND state = 'held')
           + (SELECT count(*) FROM inventory.ledger_unnumbered WHERE event_id = $1))::int AS open`,
    [eventId],
  );
  const intents = await readIntents(eventId, provider);
  return (row?.open ?? 0) + intents.filter(isSetAside).length;
}

export function isSetAside({ status }: IntentLine): boolean {
  return status === 'requires_capture';
}

interface Books {
  intents: { id: string; status: string; amount_received: number; metadata: Record<string, string> }[];
  refunds: { payment_intent: string; amount: number }[];
}

async function readIntents(eventId: string, { url, secretKey }: Provider): Promise<IntentLine[]> {
  const response = await fetch(new URL('/sandbox/books', url), { headers: { authorization: `Bearer ${secretKey}` } });
  if (!response.ok) throw new Error(`The provider does not open its books: ${response.status}`);
  const { intents, refunds } = (await response.json()) as Books;
  const givenBack = new Map<string, number>();
  for (const { payment_intent: intentId, amount } of refunds) {
    givenBack.set(intentId, (givenBack.get(intentId) ?? 0) + amount);
  }
  return intents
    .filter((intent) => intent.metadata.eventId === eventId)
    .map(({ id, status, amount_received: received, metadata }) => ({
      intentId: id,
      holdId: metadata.holdId ?? '',
      status,
      takenMinor: received - (givenBack.get(id) ?? 0),
    }));
}
