import { bowlOf } from './bowl';
import { floorOf, type Floor } from './floor';
import type { PlanArea, PlanFile, PlanZone, Position } from './plan-file';
import type { Section } from './section';
import { seededRandom } from './seeded-random';

export const SEATS_MAX = 200_000;

export interface ArenaOptions {
  /** Default `Arena`. */
  name?: string;
  /** Decides where the entrances are; the same seed gives the same plan. Default 1. */
  seed?: number;
}

const COLORS: Record<Tier, string> = {
  Floor: '#c1495a',
  'Lower Bowl': '#2f7fb5',
  'Upper Bowl': '#4fa37a',
  Balcony: '#d9a441',
};

type Tier = 'Floor' | 'Lower Bowl' | 'Upper Bowl' | 'Balcony';

/** What share of the seats each tier has; a hall grows more tiers as it grows. */
const TIERS: { seatsUpTo: number; shares: Partial<Record<Tier, number>> }[] = [
  { seatsUpTo: 150, shares: { Floor: 1 } },
  { seatsUpTo: 1_500, shares: { Floor: 0.35, 'Lower Bowl': 0.65 } },
  { seatsUpTo: 10_000, shares: { Floor: 0.2, 'Lower Bowl': 0.45, 'Upper Bowl': 0.35 } },
  { seatsUpTo: SEATS_MAX, shares: { Floor: 0.14, 'Lower Bowl': 0.34, 'Upper Bowl': 0.38, Balcony: 0.14 } },
];

const FLOOR_TO_BOWL = 110;
const BOWL_TO_BOWL = 150;
const MARGIN = 80;
const STAGE_GAP = 90;
/** Tenths: positions are rounded to these, each with its zone and row, so that the sums are exact too. */
const TENTHS = 10;

/**
 * Draws an arena around a stage in the open seating-plan format of pretix: blocks on the floor, curved bowls with
 * aisles and entrances behind them.
 *
 * @param seats how many seats the plan has, exactly: 1 to 200,000
 * @throws RangeError when `seats` is not such a number
 */
export function arenaPlan(seats: number, { name = 'Arena', seed = 1 }: ArenaOptions = {}): PlanFile {
  if (!Number.isInteger(seats) || seats < 1 || seats > SEATS_MAX) {
    throw new RangeError(`an arena has 1 to ${SEATS_MAX} seats, not ${seats}`);
  }
  const counts = seatsPerTier(seats);
  const random = seededRandom(seed);
  const floor = floorOf(counts.get('Floor') ?? 0, 'Floor');
  const sections = [...floor.sections];
  let radius = Math.hypot(floor.width, floor.depth) / 2;
  let ringsBefore = 0;
  for (const [category, count] of counts) {
    if (category === 'Floor') continue;
    const innerRadius = radius + (ringsBefore === 0 ? FLOOR_TO_BOWL : BOWL_TO_BOWL);
    const bowl = bowlOf({ seats: count, category, innerRadius, ringsBefore, random });
    sections.push(...bowl.sections);
    radius = bowl.outerRadius;
    ringsBefore += bowl.rings;
  }
  const middle = Math.ceil(Math.max(radius, stageTop(floor))) + MARGIN;
  const size = 2 * middle;
  return {
    name,
    categories: [...counts.keys()].map((tier) => ({ name: tier, color: COLORS[tier] })),
    zones: [stageZone(floor, middle), ...sections.map((section) => sectionZone(section, middle))],
    size: { width: size, height: size },
  };
}

function seatsPerTier(seats: number): Map<Tier, number> {
  const shares = Object.entries(TIERS.find(({ seatsUpTo }) => seats <= seatsUpTo)?.shares ?? {}) as [Tier, number][];
  const counts = new Map<Tier, number>();
  let shareSoFar = 0;
  let seatsSoFar = 0;
  for (const [tier, share] of shares) {
    shareSoFar += share;
    const count = Math.round(seats * shareSoFar) - seatsSoFar;
    seatsSoFar += count;
    counts.set(tier, count);
  }
  return counts;
}

function sectionZone(section: Section, middle: number): PlanZone {
  const corner = rounded(section.rows[0]?.seats[0] ?? section.sign);
  return {
    name: section.category === 'Floor' ? `Floor ${section.name.slice(1)}` : `Section ${section.name}`,
    zone_id: section.name,
    position: { x: corner.x + middle, y: corner.y + middle },
    rows: section.rows.map(({ label, seats }) => {
      const start = rounded(seats[0] ?? section.sign);
      return {
        row_number: label,
        row_number_position: 'both',
        position: difference(start, corner),
        seats: seats.map((seat, nth) => ({
          seat_guid: `${section.name}-${label}-${nth + 1}`,
          seat_number: String(nth + 1),
          position: difference(rounded(seat), start),
          category: section.category,
        })),
      };
    }),
    areas: [label(section.name, difference(rounded(section.sign), corner), 22, '#555555')],
  };
}

function stageSize({ width }: Floor): { width: number; depth: number } {
  const stageWidth = Math.round(Math.max(200, width * 0.6));
  return { width: stageWidth, depth: Math.round(stageWidth * 0.3) };
}

/** How far the back of the stage is from the middle of the arena. */
function stageTop(floor: Floor): number {
  return floor.depth / 2 + STAGE_GAP + stageSize(floor).depth;
}

function stageZone(floor: Floor, middle: number): PlanZone {
  const { width, depth } = stageSize(floor);
  const corner = { x: -width / 2, y: -Math.round(stageTop(floor)) };
  return {
    name: 'Stage',
    zone_id: 'stage',
    position: { x: middle, y: middle },
    rows: [],
    areas: [
      {
        ...{ shape: 'rectangle', color: '#333333', border_color: '#111111', rotation: 0 },
        position: corner,
        rectangle: { width, height: depth },
      },
      label('STAGE', { x: 0, y: corner.y + depth / 2 }, Math.round(depth / 3), '#ffffff'),
    ],
  };
}

function label(text: string, position: Position, size: number, color: string): PlanArea {
  return {
    ...{ shape: 'text', color: '#ffffff', border_color: '#ffffff', rotation: 0, position },
    text: { position: { x: 0, y: 0 }, color, text, size },
  };
}

function rounded({ x, y }: Position): Position {
  return { x: Math.round(x * TENTHS) / TENTHS, y: Math.round(y * TENTHS) / TENTHS };
}

function difference(a: Position, b: Position): Position {
  return rounded({ x: a.x - b.x, y: a.y - b.y });
}
