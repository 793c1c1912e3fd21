import type { PlanFile } from '@holdfast/plan';

/** How steeply the wishes fall from the best section to the next, and from the first row to the one behind (Zipf). */
const SECTION_STEEPNESS = 1.05;
const ROW_STEEPNESS = 0.8;
/** A buyer looks at this many rows before giving up. */
const LOOKS_MAX = 25;

interface Ranked<T> {
  items: T[];
  /** Sums of the weights up to and with each item. */
  upTo: number[];
}

/** What buyers want: everybody the same front rows, a few the rest. The plan lists its best sections first. */
export class Taste {
  private readonly sections: Ranked<Ranked<string[]>>;

  /** @param random 0 up to 1 */
  constructor(
    plan: Pick<PlanFile, 'zones'>,
    private readonly random: () => number,
  ) {
    const sections = plan.zones
      .map((zone) => zone.rows.map((row) => row.seats.map((seat) => seat.seat_guid)).filter((row) => row.length > 0))
      .filter((rows) => rows.length > 0)
      .map((rows) => ranked(rows, ROW_STEEPNESS));
    this.sections = ranked(sections, SECTION_STEEPNESS);
  }

  /**
   * That many seats beside each other, in a row to the buyer's taste.
   *
   * @param isFree as far as the buyer knows
   * @returns undefined when the buyer found none
   */
  pick(count: number, isFree: (seatId: string) => boolean): string[] | undefined {
    for (let look = 0; look < LOOKS_MAX; look++) {
      const row = this.choose(this.choose(this.sections));
      const start = Math.floor(this.random() * row.length);
      for (let nth = 0; nth < row.length; nth++) {
        const from = (start + nth) % row.length;
        const seats = row.slice(from, from + count);
        if (seats.length === count && seats.every(isFree)) return seats;
      }
    }
    return undefined;
  }

  private choose<T>({ items, upTo }: Ranked<T>): T {
    const point = this.random() * (upTo.at(-1) ?? 0);
    const nth = upTo.findIndex((sum) => point < sum);
    return items[nth === -1 ? items.length - 1 : nth] as T;
  }
}

function ranked<T>(items: T[], steepness: number): Ranked<T> {
  let sum = 0;
  return { items, upTo: items.map((_, rank) => (sum += 1 / (rank + 1) ** steepness)) };
}
