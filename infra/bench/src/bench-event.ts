import { randomUUID } from 'node:crypto';
import { PLAIN_CATEGORY, plainPlan } from '@holdfast/plan';
import type { Database } from '@holdfast/postgres';
import type { BenchSystem } from './bench-system';

const PRICE_MINOR = 4_500;

/** An event whose seats are `S0`, `S1` and so on, made over HTTP as any organiser would. */
export async function createEvent(
  system: BenchSystem,
  seats: number,
  sale: { holdSeconds?: number; seatsPerBuyerMax?: number } = {},
): Promise<string> {
  const answer = await fetch(`${system.url}/v1/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${system.tokens.organiser}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify({
      name: `Bench of ${seats} seats`,
      currency: 'EUR',
      plan: plainPlan(seats),
      prices: { [PLAIN_CATEGORY]: PRICE_MINOR },
      sale: { holdSeconds: 3_600, seatsPerBuyerMax: 1_000, ...sale },
    }),
  });
  if (answer.status !== 201) throw new Error(`The event was refused: ${await answer.text()}`);
  return ((await answer.json()) as { eventId: string }).eventId;
}

/** Seats without an event around them, for writes that do not go through the product. */
export async function insertBareSeats(db: Database, seats: number): Promise<string> {
  const eventId = randomUUID();
  await db.query(
    `INSERT INTO inventory.seats (event_id, seat_id, ordinal, category)
     SELECT $1, 'S' || n, n, 0 FROM generate_series(0, $2::int - 1) n`,
    [eventId, seats],
  );
  return eventId;
}

/** Seats of an event that are held. */
export async function countHeldSeats(db: Database, eventId: string): Promise<number> {
  const [row] = await db.query<{ seats: number }>(
    "SELECT count(*)::int AS seats FROM inventory.seats WHERE event_id = $1 AND state = 'held'",
    [eventId],
  );
  return row?.seats ?? 0;
}

/** Seats that more than one living hold names, or whose ledger shows a hold before the one before it had ended. */
export async function countDoubleBooked(db: Database, eventId: string): Promise<number> {
  const [row] = await db.query<{ seats: number }>(
    `SELECT count(DISTINCT seat_id)::int AS seats FROM (
       SELECT seat_id FROM inventory.holds h, unnest(h.seat_ids) AS u (seat_id)
        WHERE h.event_id = $1 AND h.state IN ('held', 'booked')
        GROUP BY seat_id HAVING count(*) > 1
       UNION ALL
       SELECT seat_id FROM (
         SELECT seat_id, kind, lag(kind) OVER (PARTITION BY seat_id ORDER BY seat_version) AS before
           FROM inventory.ledger WHERE event_id = $1 AND kind <> 'extended') l
        WHERE kind = 'held' AND before IN ('held', 'booked', 'blocked')) twice`,
    [eventId],
  );
  return row?.seats ?? 0;
}
