import { createHash } from 'node:crypto';
import { createEvent, hold, type Hold } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';

const NO_BODY = createHash('sha256').update('').digest();

/** An event on sale, for specs: seats `seat-1`, `seat-2` ... at one price. */
export async function sampleSale(
  database: Database,
  { seats, holdSeconds }: { seats: number; holdSeconds: number },
): Promise<{ eventId: string; hold: (...seatNumbers: number[]) => Promise<Hold> }> {
  const eventId = newId();
  await createEvent(database, {
    eventId,
    organiserId: 'organiser',
    key: eventId,
    bodyHash: NO_BODY,
    name: 'Sample sale',
    currency: 'EUR',
    categories: [{ name: 'Stalls', color: '#336699', priceMinor: 4_500 }],
    seats: Array.from({ length: seats }, (_, index) => ({ seatId: `seat-${index + 1}`, category: 0 })),
    layout: '{}',
    sale: {
      holdSeconds,
      holdSecondsMax: 3_600,
      extensionsMax: 3,
      seatsPerHoldMax: 10,
      seatsPerBuyerMax: 10,
      payGraceSeconds: 0,
      latePayment: 'void',
    },
  });
  return {
    eventId,
    hold: async (...seatNumbers) => {
      const holdId = newId();
      const [outcome] = await hold(database, eventId, [
        {
          holdId,
          buyerId: `buyer-${holdId}`,
          key: holdId,
          bodyHash: NO_BODY,
          seatIds: seatNumbers.map((number) => `seat-${number}`),
        },
      ]);
      if (outcome?.outcome !== 'held') throw new Error(`sample hold: ${JSON.stringify(outcome)}`);
      return outcome.hold;
    },
  };
}

/** Moves a hold's deadline by data, so that a spec need not wait for it. */
export async function runOut(database: Database, { eventId, holdId }: Hold, overdueMs: number): Promise<void> {
  const moved = `deadline = clock_timestamp() - $3::int * interval '1 millisecond'`;
  await database.query(`UPDATE inventory.holds SET ${moved} WHERE event_id = $1 AND hold_id = $2`, [
    eventId,
    holdId,
    overdueMs,
  ]);
  await database.query(`UPDATE inventory.seats SET ${moved} WHERE event_id = $1 AND hold_id = $2`, [
    eventId,
    holdId,
    overdueMs,
  ]);
}

/** The state of each hold, as the database has it. */
export async function holdStates(database: Database, eventId: string): Promise<Record<string, string>> {
  const rows = await database.query<{ hold_id: string; state: string }>(
    'SELECT hold_id, state FROM inventory.holds WHERE event_id = $1',
    [eventId],
  );
  return Object.fromEntries(rows.map((row) => [row.hold_id, row.state]));
}
