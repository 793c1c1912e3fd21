import fc from 'fast-check';
import { arenaPlan, SEATS_MAX } from './arena-plan';
import type { PlanFile } from './plan-file';
import { rowLabel } from './row-label';

/** Seats are drawn 20 wide; below this two of them would overlap. */
const DISTANCE_MIN = 22;

function seatsOf(plan: PlanFile) {
  return plan.zones.flatMap((zone) =>
    zone.rows.flatMap((row) =>
      row.seats.map((seat) => ({
        guid: seat.seat_guid,
        number: seat.seat_number,
        row: row.row_number,
        section: zone.zone_id,
        category: seat.category,
        x: zone.position.x + row.position.x + seat.position.x,
        y: zone.position.y + row.position.y + seat.position.y,
      })),
    ),
  );
}

/** Two seats nearer than that, if there are; found in a grid whose cells are as wide. */
function tooNear(plan: PlanFile): [string, string] | undefined {
  const grid = new Map<string, ReturnType<typeof seatsOf>>();
  for (const seat of seatsOf(plan)) {
    const column = Math.floor(seat.x / DISTANCE_MIN);
    const line = Math.floor(seat.y / DISTANCE_MIN);
    for (const dx of [-1, 0, 1]) {
      for (const dy of [-1, 0, 1]) {
        const near = grid
          .get(`${column + dx},${line + dy}`)
          ?.find((other) => Math.hypot(other.x - seat.x, other.y - seat.y) < DISTANCE_MIN);
        if (near) return [near.guid, seat.guid];
      }
    }
    const cell = `${column},${line}`;
    const inCell = grid.get(cell);
    if (inCell) inCell.push(seat);
    else grid.set(cell, [seat]);
  }
  return undefined;
}

const anySeats = fc.oneof(
  fc.integer({ min: 1, max: 400 }),
  fc.integer({ min: 1, max: 12_000 }),
  fc.constantFrom(1, 2, 150, 151, 1_500, 1_501, 10_000, 10_001),
);

describe('an arena', () => {
  it('has exactly the seats asked for, each with a guid of its own, in a known category, none over another', () => {
    fc.assert(
      fc.property(anySeats, fc.nat(), (count, seed) => {
        const plan = arenaPlan(count, { seed });
        const seats = seatsOf(plan);
        const categories = plan.categories.map(({ name }) => name);
        expect(seats).toHaveLength(count);
        expect(new Set(seats.map(({ guid }) => guid)).size).toBe(count);
        expect(seats.filter(({ category }) => !categories.includes(category))).toEqual([]);
        expect(tooNear(plan)).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  it.each([50_000, SEATS_MAX])('has %i seats, none over another', (count) => {
    const plan = arenaPlan(count);
    expect(seatsOf(plan)).toHaveLength(count);
    expect(tooNear(plan)).toBeUndefined();
    expect(new Set(seatsOf(plan).map(({ category }) => category))).toEqual(
      new Set(['Floor', 'Lower Bowl', 'Upper Bowl', 'Balcony']),
    );
  });

  it('names seats as people know them: section, row, number', () => {
    const asOnTheTicket = /^(F\d+-\d+|\d{3}-[A-HJ-NP-Z]{1,2})-\d+$/;
    const odd = seatsOf(arenaPlan(20_000)).filter(
      ({ guid, section, row, number }) => guid !== `${section}-${row}-${number}` || !asOnTheTicket.test(guid),
    );
    expect(odd).toEqual([]);
  });

  it('is drawn inside its size', () => {
    const plan = arenaPlan(7_000);
    const outside = seatsOf(plan).filter(
      ({ x, y }) => x < 10 || y < 10 || x > plan.size.width - 10 || y > plan.size.height - 10,
    );
    expect(outside).toEqual([]);
  });

  it('is the same for the same seed, and another for another', () => {
    const first = JSON.stringify(arenaPlan(5_000, { seed: 4 }));
    expect(JSON.stringify(arenaPlan(5_000, { seed: 4 }))).toBe(first);
    expect(JSON.stringify(arenaPlan(5_000, { seed: 5 }))).not.toBe(first);
  });

  it.each([0, -1, 1.5, SEATS_MAX + 1, Number.NaN])('cannot have %p seats', (count) => {
    expect(() => arenaPlan(count)).toThrow(RangeError);
  });
});

describe('a row label', () => {
  it('goes from A to Z and on, without I and O', () => {
    expect([0, 7, 8, 13, 23, 24, 25, 47, 48].map(rowLabel)).toEqual(['A', 'H', 'J', 'P', 'Z', 'AA', 'AB', 'AZ', 'BA']);
  });
});
