import { createEvent, hold, numberLedger } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';

const SEATS = 2_000;
const NO_BODY = Buffer.alloc(32);
const BATCHES_MAX = 1_000;

/** The numbers of a ledger's entries, from the first. */
export const upTo = (last: number): number[] => Array.from({ length: last }, (_, nth) => nth + 1);

/** An event whose ledger grows when a spec says so. */
export class SampleEvent {
  private seats = 0;

  private constructor(
    private readonly database: Database,
    readonly eventId: string,
    readonly organiserId: string,
  ) {}

  static async open(database: Database, organiserId = 'organiser'): Promise<SampleEvent> {
    const eventId = newId();
    await createEvent(database, {
      eventId,
      organiserId,
      key: eventId,
      bodyHash: NO_BODY,
      name: 'Concert',
      currency: 'EUR',
      categories: [{ name: 'Stalls', color: '#000000', priceMinor: 4_500 }],
      seats: Array.from({ length: SEATS }, (_, nth) => ({ seatId: `seat-${nth + 1}`, category: 0 })),
      layout: '{}',
      sale: {
        holdSeconds: 600,
        holdSecondsMax: 3_600,
        extensionsMax: 1,
        seatsPerHoldMax: SEATS,
        seatsPerBuyerMax: SEATS,
        payGraceSeconds: 0,
        latePayment: 'void',
      },
    });
    return new SampleEvent(database, eventId, organiserId);
  }

  /** As many entries more, numbered. @returns the hold they are of */
  async grow(entries: number): Promise<string> {
    const holdId = newId();
    const seatIds = Array.from({ length: entries }, () => `seat-${++this.seats}`);
    const request = { holdId, buyerId: `buyer-${holdId}`, key: holdId, bodyHash: NO_BODY, seatIds };
    const [outcome] = await hold(this.database, this.eventId, [request]);
    if (outcome?.outcome !== 'held') throw new Error(`sample hold: ${outcome?.outcome}`);
    await this.number();
    return holdId;
  }

  async number(): Promise<void> {
    await numberLedger(this.database, { limit: BATCHES_MAX });
  }
}
