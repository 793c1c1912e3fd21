import { readLayoutPart } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import { LRUCache } from 'lru-cache';

/** Four layouts of 200,000 seats, or sixteen of 50,000. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;

interface Part {
  bytes: Buffer;
  isLast: boolean;
}

/**
 * The layouts of events as the bytes to send. The parts asked for last are kept, since a layout never changes and all who
 * come to a sale ask for the same one; a part asked for by many at once is read once.
 */
export class Layouts {
  private readonly parts: LRUCache<string, Part, PartOf>;

  /** @param keptBytesMax of the parts that are kept */
  constructor(database: Database, keptBytesMax = KEPT_BYTES_MAX) {
    this.parts = new LRUCache<string, Part, PartOf>({
      maxSize: keptBytesMax,
      sizeCalculation: ({ bytes }) => bytes.length,
      fetchMethod: async (_key, _known, { context: { eventId, part } }) => {
        const read = await readLayoutPart(database, eventId, part);
        return read && { bytes: Buffer.from(read.json), isLast: read.isLast };
      },
      // Whoever waits for a part that is no longer kept gets it all the same.
      ignoreFetchAbort: true,
    });
  }

  /**
   * The layout's JSON in parts, each of which is read, where it must be, when it is asked for: between two parts no connection
   * is held. Undefined where there is no such event.
   *
   * @throws DatabaseUnavailable
   */
  async open(eventId: string): Promise<AsyncIterable<Buffer> | undefined> {
    const first = await this.part(eventId, 0);
    return first && this.partsFrom(eventId, first);
  }

  private async *partsFrom(eventId: string, first: Part): AsyncGenerator<Buffer> {
    let next: Part | undefined = first;
    for (let part = 1; next; part++) {
      yield next.bytes;
      next = next.isLast ? undefined : await this.part(eventId, part);
    }
  }

  private part(eventId: string, part: number): Promise<Part | undefined> {
    return this.parts.fetch(`${eventId}/${part}`, { context: { eventId, part } });
  }
}

interface PartOf {
  eventId: string;
  part: number;
}
