import type { Position } from './plan-file';
import { rowLabel } from './row-label';
import { fillSections, type Band, type Section } from './section';

const SEAT_PITCH = 24;
const ROW_PITCH = 30;
const AISLE = 44;
/** Between two rings: the walkway that people enter from. */
const WALKWAY = 110;
const RING_ROWS_MAX = 30;
const RING_ROWS_MIN = 6;
/** Rows of a ring by its radius: more, and the sections of a small arena would fan out too far. */
const ROWS_PER_RADIUS = 0.8 / ROW_PITCH;
const SECTION_SEATS = 20;
const SECTIONS_MIN = 3;
/** Stays below 100, for the sections of ring 1 are 101, 102 ... and those of ring 2 are 201, 202 ... */
const SECTIONS_MAX = 60;
/** The bowl is a horseshoe, open to the stage. Angles count from the middle of the far end. */
const SPAN = (280 * Math.PI) / 180;
const SIGN_OFFSET = 42;

/** An entrance cut into a section: these rows lack the seats in their middle. */
const TUNNEL_ROWS = { from: 7, to: 12 };
const TUNNEL_SEATS = 4;
const TUNNEL_SHARE = 0.4;

export interface Bowl {
  sections: Section[];
  outerRadius: number;
  rings: number;
}

export interface BowlOptions {
  seats: number;
  category: string;
  innerRadius: number;
  /** Rings already inside this one; the sections count on from there. */
  ringsBefore: number;
  /** 0 up to 1, from the arena's seed. */
  random: () => number;
}

/** Curved rows around the floor, cut into sections by aisles, ring after ring until all seats have a place. */
export function bowlOf({ seats, category, innerRadius, ringsBefore, random }: BowlOptions): Bowl {
  let rings = 0;
  let outerRadius = innerRadius;

  function* bands(): Generator<Band> {
    for (let radius = innerRadius; ; radius = outerRadius + WALKWAY) {
      rings++;
      const rows = clamp(Math.floor(radius * ROWS_PER_RADIUS), RING_ROWS_MIN, RING_ROWS_MAX);
      const ring = ringOf(radius, (ringsBefore + rings) * 100, category, random);
      for (let row = 0; row < rows; row++) {
        outerRadius = radius + row * ROW_PITCH;
        yield bandOf(ring, row, outerRadius);
      }
    }
  }

  const sections = fillSections(bands(), seats);
  return { sections, outerRadius, rings };
}

interface Wedge {
  section: Section;
  middle: number;
  angle: number;
  hasTunnel: boolean;
}

function ringOf(radius: number, number: number, category: string, random: () => number): Wedge[] {
  const count = clamp(Math.round((radius * SPAN) / (SECTION_SEATS * SEAT_PITCH)), SECTIONS_MIN, SECTIONS_MAX);
  const angle = SPAN / count;
  return Array.from({ length: count }, (_, nth) => {
    const middle = -SPAN / 2 + (nth + 0.5) * angle;
    return {
      section: { name: String(number + nth + 1), category, rows: [], sign: at(radius - SIGN_OFFSET, middle) },
      middle,
      angle,
      hasTunnel: random() < TUNNEL_SHARE,
    };
  });
}

function bandOf(ring: Wedge[], row: number, radius: number): Band {
  return {
    label: rowLabel(row),
    stretches: ring.map(({ section, middle, angle, hasTunnel }) => {
      const room = Math.floor((radius * angle - AISLE) / SEAT_PITCH) + 1;
      const step = SEAT_PITCH / radius;
      const seats = Array.from({ length: room }, (_, nth) => at(radius, middle + (nth - (room - 1) / 2) * step));
      const isCut = hasTunnel && row >= TUNNEL_ROWS.from && row <= TUNNEL_ROWS.to && room > 3 * TUNNEL_SEATS;
      if (isCut) seats.splice(Math.floor((room - TUNNEL_SEATS) / 2), TUNNEL_SEATS);
      return { section, seats };
    }),
  };
}

/** Angle 0 points away from the stage, which is at the top; it grows from the left of somebody on the stage to the right. */
function at(radius: number, angle: number): Position {
  return { x: -radius * Math.sin(angle), y: radius * Math.cos(angle) };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
