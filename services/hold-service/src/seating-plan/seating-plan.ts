import Ajv, { type ErrorObject } from 'ajv';
import type { Fault } from '@holdfast/http';
import { planFileSchema, type PlanArea, type PlanFile, type PlanZone, type Position } from './seating-plan.schema';

export const SEATS_MAX = 200_000;

const NO_COLOR = '#888888';
const ORIGIN: Position = { x: 0, y: 0 };
/** Room around the outermost seats of a plan that states no size. */
const MARGIN = 20;

/** A plan ready to be sold from: its seats in one order, and the picture that buyers see. */
export interface SeatingPlan {
  categories: { name: string; color: string }[];
  /** In the order of the file, which is the order of every list of seats we answer with. */
  seats: { seatId: string; category: number }[];
  layout: Layout;
}

/** The plan as it is drawn. All positions count from the plan's corner; a seat's category is an index. */
export interface Layout {
  name: string;
  size: { width: number; height: number };
  categories: { name: string; color: string }[];
  zones: LayoutZone[];
}

export interface LayoutZone {
  name: string;
  rows: { row: string; seats: LayoutSeat[] }[];
  areas: PlanArea[];
}

export interface LayoutSeat {
  seatId: string;
  number: string;
  x: number;
  y: number;
  category: number;
}

export type ParsedPlan = { plan: SeatingPlan } | { faults: [Fault, ...Fault[]] };

/** A compiled schema checks 200,000 seats in a tenth of a second, where class-validator takes seconds. */
const matchesSchema = new Ajv({ allowUnionTypes: true }).compile<PlanFile>(planFileSchema);

/** Reads a seating plan in the format of pretix. Stops at the first fault and names its place, as in `zones[2].rows[0].seats[5].category`. */
export function parseSeatingPlan(file: unknown): ParsedPlan {
  if (!matchesSchema(file)) return refused(...faultOf(matchesSchema.errors?.[0]));
  const categories = new Map<string, number>();
  for (const [index, { name }] of file.categories.entries()) {
    if (categories.has(name)) return refused(`categories[${index}].name`, `repeats the category "${name}"`);
    categories.set(name, index);
  }

  const places = new Map<string, string>();
  const seats: SeatingPlan['seats'] = [];
  for (const [z, zone] of file.zones.entries()) {
    for (const [r, row] of zone.rows.entries()) {
      for (const [s, seat] of row.seats.entries()) {
        const place = `zones[${z}].rows[${r}].seats[${s}]`;
        const category = categories.get(seat.category);
        if (category === undefined) return refused(`${place}.category`, `the plan has no category "${seat.category}"`);
        const first = places.get(seat.seat_guid);
        if (first) return refused(`${place}.seat_guid`, `repeats the seat_guid of ${first}`);
        if (seats.length === SEATS_MAX) return refused(place, `a plan has at most ${SEATS_MAX} seats`);
        places.set(seat.seat_guid, place);
        seats.push({ seatId: seat.seat_guid, category });
      }
    }
  }
  if (seats.length === 0) return refused('zones', 'the plan has no seats');
  return { plan: { categories: namedColors(file), seats, layout: drawn(file, categories) } };
}

function drawn(file: PlanFile, categories: Map<string, number>): Layout {
  const zones = file.zones.map((zone) => drawnZone(zone, categories));
  return { name: file.name, size: file.size ?? sizeOf(zones), categories: namedColors(file), zones };
}

function drawnZone(zone: PlanZone, categories: Map<string, number>): LayoutZone {
  return {
    name: zone.name ?? '',
    rows: zone.rows.map((row) => {
      const corner = sum(zone.position, row.position);
      return {
        row: row.row_number,
        seats: row.seats.map((seat) => ({
          seatId: seat.seat_guid,
          number: seat.seat_number,
          ...sum(corner, seat.position),
          category: categories.get(seat.category) ?? 0,
        })),
      };
    }),
    areas: (zone.areas ?? []).map((area) => drawnArea(area, zone.position)),
  };
}

function drawnArea(area: PlanArea, corner: Position): PlanArea {
  const { shape, rotation, color, border_color, text, rectangle, circle, ellipse, polygon } = area;
  return {
    ...{ shape, rotation, color, border_color, text, rectangle, circle, ellipse, polygon },
    position: sum(corner, area.position),
  };
}

function namedColors(file: PlanFile): { name: string; color: string }[] {
  return file.categories.map(({ name, color }) => ({ name, color: color ?? NO_COLOR }));
}

function sum(a: Position, b: Position | null | undefined): Position {
  const { x, y } = b ?? ORIGIN;
  return { x: a.x + x, y: a.y + y };
}

function sizeOf(zones: LayoutZone[]): { width: number; height: number } {
  let width = 0;
  let height = 0;
  for (const { x, y } of zones.flatMap((zone) => zone.rows.flatMap((row) => row.seats))) {
    width = Math.max(width, x + MARGIN);
    height = Math.max(height, y + MARGIN);
  }
  return { width, height };
}

function refused(path: string, message: string): ParsedPlan {
  return { faults: [{ path, message }] };
}

/** `/zones/2/rows` and a missing member `position` become `zones[2].rows.position`. */
function faultOf(error: ErrorObject | undefined): [path: string, message: string] {
  const missing =
    error?.keyword === 'required' ? `/${(error.params as { missingProperty: string }).missingProperty}` : '';
  const path = `${error?.instancePath ?? ''}${missing}`
    .replace(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.')
    .replace(/^\./, '');
  const message =
    error?.keyword === 'pattern' ? 'must be text of up to 200 characters, without control characters' : error?.message;
  return [path || 'plan', missing ? 'is missing' : (message ?? 'is not valid')];
}
