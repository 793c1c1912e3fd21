import { problem } from '@holdfast/http';
import { readSeats } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';

/** Well below a millisecond of the service's only thread. */
const PART_BYTES = 64 * 1024;
/** Of answers that somebody still reads: eighty of 200,000 seats. Slow readers together take no more memory than that. */
const BYTES_IN_HAND_MAX = 64 * 1024 * 1024;

/** Every seat's state, on its way to one reader. */
export interface OpenSeatMap {
  /** Of the whole. */
  bytes: number;
  parts(): Iterable<Buffer>;
  /** To be called once, when the reader has it all or has gone. */
  letGo(this: void): void;
}

interface Snapshot {
  json: Buffer;
  readers: number;
}

type Reading = Promise<Snapshot | undefined>;

/**
 * The states of events' seats as the bytes to send. An event is read once at a time: who asks meanwhile shares the next read,
 * which begins after all of them have asked, so nobody is told what is older than their request.
 */
export class SeatMaps {
  private readonly lanes = new Map<string, { running: Reading; next?: Reading }>();
  private bytesInHand = 0;

  /** @param bytesInHandMax of answers that somebody still reads */
  constructor(
    private readonly database: Database,
    private readonly bytesInHandMax = BYTES_IN_HAND_MAX,
  ) {}

  /**
   * The answer to one reader; undefined where there is no such event. No connection is held while it is sent.
   *
   * @throws Problem `overloaded` when readers already hold too much
   * @throws DatabaseUnavailable
   */
  async open(eventId: string): Promise<OpenSeatMap | undefined> {
    if (this.bytesInHand >= this.bytesInHandMax) throw problem('overloaded');
    const snapshot = await this.read(eventId);
    return snapshot && this.handOut(snapshot);
  }

  private handOut(snapshot: Snapshot): OpenSeatMap {
    const { json } = snapshot;
    if (snapshot.readers++ === 0) this.bytesInHand += json.length;
    return {
      bytes: json.length,
      parts: () => partsOf(json),
      letGo: () => {
        if (--snapshot.readers === 0) this.bytesInHand -= json.length;
      },
    };
  }

  private read(eventId: string): Reading {
    const lane = this.lanes.get(eventId);
    if (!lane) return this.start(eventId);
    const again = () => this.start(eventId);
    return (lane.next ??= lane.running.then(again, again));
  }

  private start(eventId: string): Reading {
    const lane: { running: Reading; next?: Reading } = { running: this.snapshot(eventId) };
    this.lanes.set(eventId, lane);
    const end = () => void (lane.next ?? this.lanes.delete(eventId));
    lane.running.then(end, end);
    return lane.running;
  }

  private async snapshot(eventId: string): Reading {
    const seats = await readSeats(this.database, eventId);
    if (!seats) return undefined;
    const { states, versions, serverTime } = seats;
    // A `SeatsBody`: nothing in it needs escaping.
    const json = `{"eventId":"${eventId}","states":"${states}","versions":[${versions}],"serverTime":"${serverTime.toISOString()}"}`;
    return { json: Buffer.from(json, 'latin1'), readers: 0 };
  }
}

function* partsOf(json: Buffer): Generator<Buffer> {
  for (let from = 0; from < json.length; from += PART_BYTES) yield json.subarray(from, from + PART_BYTES);
}
