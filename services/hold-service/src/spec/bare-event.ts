import { createHash } from 'node:crypto';
import { createEvent } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';

/** An event of any layout and as many seats as wished, `S0`, `S1` and so on, made without a plan; its id. */
export async function bareEvent(db: Database, { seats = 1, layout = '{}' }): Promise<string> {
  const eventId = newId();
  await createEvent(db, {
    eventId,
    organiserId: 'org',
    key: eventId,
    bodyHash: createHash('sha256').digest(),
    name: 'Bare',
    currency: 'EUR',
    categories: [{ name: 'Floor', color: '#ff0000', priceMinor: 4_500 }],
    seats: Array.from({ length: seats }, (_, nth) => ({ seatId: `S${nth}`, category: 0 })),
    layout,
    sale: {
      holdSeconds: 600,
      holdSecondsMax: 1_800,
      extensionsMax: 2,
      seatsPerHoldMax: 8,
      seatsPerBuyerMax: 8,
      payGraceSeconds: 60,
      latePayment: 'void',
    },
  });
  return eventId;
}
