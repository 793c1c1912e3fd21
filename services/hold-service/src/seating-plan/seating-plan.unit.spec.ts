import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseSeatingPlan, SEATS_MAX, type ParsedPlan } from './seating-plan';
import type { PlanFile } from './seating-plan.schema';

const FIXTURES = join(__dirname, '..', '..', 'fixtures');
const fixture = (name: string) => JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')) as PlanFile;

function planOf(parsed: ParsedPlan) {
  if ('faults' in parsed) throw new Error(`refused at ${parsed.faults[0].path}: ${parsed.faults[0].message}`);
  return parsed.plan;
}

function faultOf(file: unknown) {
  const parsed = parseSeatingPlan(file);
  return 'faults' in parsed ? parsed.faults[0].path : undefined;
}

function arena(seats: number): PlanFile {
  return {
    name: 'Arena',
    categories: [{ name: 'A' }],
    zones: [
      {
        position: { x: 0, y: 0 },
        rows: [
          {
            row_number: '1',
            seats: Array.from({ length: seats }, (_, s) => ({
              seat_guid: `s${s}`,
              seat_number: String(s),
              position: { x: s, y: 0 },
              category: 'A',
            })),
          },
        ],
      },
    ],
  };
}

describe('a seating plan', () => {
  it('keeps the order of the file and makes positions absolute', () => {
    const plan = planOf(parseSeatingPlan(fixture('little-theatre.json')));
    expect(plan.seats).toHaveLength(4 * 12 + 2 * 10);
    expect(plan.seats[0]).toEqual({ seatId: 'St-A-1', category: 0 });
    expect(plan.seats.at(-1)).toEqual({ seatId: 'Ba-B-10', category: 1 });
    expect(
      plan.layout.zones.flatMap((zone) => zone.rows.flatMap((row) => row.seats.map((seat) => seat.seatId))),
    ).toEqual(plan.seats.map((seat) => seat.seatId));
    // zone (60, 300) + row (30, 30) + seat (270, 0)
    expect(plan.layout.zones[1]?.rows[1]?.seats[9]).toEqual({
      seatId: 'Ba-B-10',
      number: '10',
      x: 360,
      y: 330,
      category: 1,
    });
  });

  it('keeps areas as decoration, and drops what is not of the format', () => {
    const plan = planOf(parseSeatingPlan(fixture('little-theatre.json')));
    expect(plan.layout.zones[0]?.areas[0]).toMatchObject({ shape: 'rectangle', position: { x: 90, y: 30 } });
    expect(JSON.stringify(plan.layout)).not.toMatch(/uuid|zone_id|row_number_position|radius/);
  });

  it('takes a zone without name, a row without position, a plan without size or colours', () => {
    const { layout } = planOf(parseSeatingPlan(arena(3)));
    expect(layout).toMatchObject({ size: { width: 22, height: 20 }, categories: [{ name: 'A', color: '#888888' }] });
  });

  it('takes a plan of tables and stools', () => {
    expect(planOf(parseSeatingPlan(fixture('dinner-club.json'))).seats).toHaveLength(29);
  });

  it(`takes ${SEATS_MAX} seats and not one more`, () => {
    expect(planOf(parseSeatingPlan(arena(SEATS_MAX))).seats).toHaveLength(SEATS_MAX);
    expect(faultOf(arena(SEATS_MAX + 1))).toBe(`zones[0].rows[0].seats[${SEATS_MAX}]`);
  });

  it.each<[string, (plan: PlanFile) => unknown, string]>([
    ['no object', () => [], 'plan'],
    ['no name', (plan) => ({ ...plan, name: undefined }), 'name'],
    ['no zones', (plan) => ({ ...plan, zones: undefined }), 'zones'],
    ['no seats', (plan) => ({ ...plan, zones: [] }), 'zones'],
    ['a flat plan', (plan) => ({ ...plan, size: { width: 0, height: 1 } }), 'size.width'],
    ['a category twice', (plan) => ({ ...plan, categories: [{ name: 'A' }, { name: 'A' }] }), 'categories[1].name'],
    ['a text for zones', (plan) => ({ ...plan, zones: 'all' }), 'zones'],
  ])('refuses %s', (_, change, path) => expect(faultOf(JSON.parse(JSON.stringify(change(arena(2)))))).toBe(path));

  const { zones } = fixture('little-theatre.json');
  const places = zones.flatMap((zone, z) => zone.rows.flatMap((row, r) => row.seats.map((_, s) => [z, r, s] as const)));
  const anyPlace = fc.constantFrom(...places);
  const wrong = fc.constantFrom<[member: string, value: unknown, fault: string]>(
    ['category', 'Nowhere', 'category'],
    ['category', 7, 'category'],
    ['category', undefined, 'category'],
    ['seat_guid', '', 'seat_guid'],
    ['seat_guid', 'x'.repeat(201), 'seat_guid'],
    ['seat_guid', 'a\u0000b', 'seat_guid'],
    ['seat_guid', '\ud800', 'seat_guid'],
    ['seat_guid', 5, 'seat_guid'],
    ['seat_number', null, 'seat_number'],
    ['position', undefined, 'position'],
    ['position', { x: 1 }, 'position.y'],
    ['position', { x: '1', y: 1 }, 'position.x'],
    ['position', { x: 1, y: 1e300 }, 'position.y'],
  );

  it('names the seat at fault, wherever it stands', () => {
    fc.assert(
      fc.property(anyPlace, wrong, ([z, r, s], [member, value, fault]) => {
        const plan = fixture('little-theatre.json');
        Object.assign(plan.zones[z]!.rows[r]!.seats[s]!, { [member]: value });
        if (value === undefined)
          delete (plan.zones[z]!.rows[r]!.seats[s] as unknown as Record<string, unknown>)[member];
        expect(faultOf(plan)).toBe(`zones[${z}].rows[${r}].seats[${s}].${fault}`);
      }),
    );
  });

  it('names the second of two seats with one guid', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(places.length - 1), { minLength: 2, maxLength: 2 }), (pair) => {
        const [first = 0, second = 0] = [...pair].sort((a, b) => a - b);
        const plan = fixture('little-theatre.json');
        const seatAt = (index: number) => {
          const [z, r, s] = places[index]!;
          return plan.zones[z]!.rows[r]!.seats[s]!;
        };
        seatAt(second).seat_guid = seatAt(first).seat_guid;
        const [z, r, s] = places[second]!;
        expect(faultOf(plan)).toBe(`zones[${z}].rows[${r}].seats[${s}].seat_guid`);
      }),
    );
  });
});
