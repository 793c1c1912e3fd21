import { localKey } from './seat-key';

/** A request waits this long at most for others that ask for the same seat; then it asks too. */
const FOLLOW_MS = 100;

interface Flight {
  /** Made when somebody waits: most flights have no followers. */
  landed?: Promise<void>;
  land?: () => void;
}

/**
 * Single flight per seat: while one request asks Redis and Postgres for a seat, others for the same seat wait for what
 * comes of it instead of asking too.
 *
 * Waiting decides nothing. Whoever has waited looks at the map of taken seats again and is refused only by what stands
 * there; otherwise it goes on and asks. Nobody waits while others may be waiting for it, since a request takes its seats
 * into flight only after its last wait: groups of seats cannot wait for each other in a circle.
 */
export class SeatFlights {
  private readonly flights = new Map<string, Flight>();

  constructor(private readonly followMs = FOLLOW_MS) {}

  /**
   * Waits for its turn: until no other request asks for these seats, or {@link FOLLOW_MS} are over. Takes the seats into
   * flight, those that are not yet.
   *
   * @param isSettled looked at after each wait; true ends the waiting, and there is nothing left to ask
   * @returns what to call when all is answered and remembered; undefined when it is settled
   */
  async turn(eventId: string, seatIds: string[], isSettled: () => boolean): Promise<(() => void) | undefined> {
    let ahead = this.ahead(eventId, seatIds);
    if (!ahead) return this.begin(eventId, seatIds);
    let timeIsUp = false;
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        timeIsUp = true;
        resolve();
      }, this.followMs);
    });
    while (ahead && !timeIsUp) {
      await Promise.race([this.landing(ahead), timeUp]);
      if (isSettled()) {
        clearTimeout(timer);
        return undefined;
      }
      ahead = this.ahead(eventId, seatIds);
    }
    clearTimeout(timer);
    // In the same turn of the event loop as the last look: of all that were woken, the next one sees this flight.
    return this.begin(eventId, seatIds);
  }

  /** Whether another request asks for one of these seats. */
  isAsked(eventId: string, seatIds: string[]): boolean {
    return this.ahead(eventId, seatIds) !== undefined;
  }

  private begin(eventId: string, seatIds: string[]): () => void {
    const flight: Flight = {};
    const keys = seatIds.map((seatId) => localKey(eventId, seatId)).filter((key) => !this.flights.has(key));
    for (const key of keys) this.flights.set(key, flight);
    return () => {
      for (const key of keys) this.flights.delete(key);
      flight.land?.();
    };
  }

  private ahead(eventId: string, seatIds: string[]): Flight | undefined {
    if (this.flights.size === 0) return undefined;
    for (const seatId of seatIds) {
      const flight = this.flights.get(localKey(eventId, seatId));
      if (flight) return flight;
    }
    return undefined;
  }

  private landing(flight: Flight): Promise<void> {
    return (flight.landed ??= new Promise((resolve) => (flight.land = resolve)));
  }
}
