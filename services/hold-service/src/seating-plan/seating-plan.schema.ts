import type { SchemaObject } from 'ajv';

/**
 * A seating plan in the open format of pretix, as its public editor exports it. Members not named here are ignored:
 * real files carry `uuid`, `zone_id`, `row_number_position`, `radius` and more.
 */
export interface PlanFile {
  name: string;
  size?: { width: number; height: number } | null;
  categories: { name: string; color?: string | null }[];
  zones: PlanZone[];
}

export interface PlanZone {
  name?: string | null;
  position: Position;
  rows: PlanRow[];
  areas?: PlanArea[] | null;
}

export interface PlanRow {
  row_number: string;
  position?: Position | null;
  seats: PlanSeat[];
}

export interface PlanSeat {
  seat_guid: string;
  seat_number: string;
  position: Position;
  category: string;
}

/** Decoration: stage, bar, a wall. Drawn, never sold. */
export interface PlanArea {
  shape?: string | null;
  position?: Position | null;
  rotation?: number | null;
  color?: string | null;
  border_color?: string | null;
  text?: object | string | null;
  rectangle?: object | null;
  circle?: object | null;
  ellipse?: object | null;
  polygon?: object | null;
}

export interface Position {
  x: number;
  y: number;
}

const CATEGORIES_MAX = 500;
const NAME_LENGTH_MAX = 200;
const COORDINATE_MAX = 1_000_000;

/** Control characters and halves of surrogate pairs cannot be stored, or printed on a ticket. */
const printable = (lengthMin: number) => `^[^\\p{Cc}\\p{Cs}]{${lengthMin},${NAME_LENGTH_MAX}}$`;

const label = { type: 'string', pattern: printable(0) } as const;
const identifier = { type: 'string', pattern: printable(1) } as const;
const coordinate = { type: 'number', minimum: -COORDINATE_MAX, maximum: COORDINATE_MAX } as const;
const length = { type: 'number', exclusiveMinimum: 0, maximum: COORDINATE_MAX } as const;
const position = {
  type: 'object',
  required: ['x', 'y'],
  properties: { x: coordinate, y: coordinate },
} as const;
const figure = { type: 'object', nullable: true } as const;

export const planFileSchema: SchemaObject = {
  type: 'object',
  required: ['name', 'categories', 'zones'],
  properties: {
    name: label,
    size: {
      type: 'object',
      nullable: true,
      required: ['width', 'height'],
      properties: { width: length, height: length },
    },
    categories: {
      type: 'array',
      maxItems: CATEGORIES_MAX,
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: identifier, color: { ...label, nullable: true } },
      },
    },
    zones: {
      type: 'array',
      items: {
        type: 'object',
        required: ['position', 'rows'],
        properties: {
          name: { ...label, nullable: true },
          position,
          rows: {
            type: 'array',
            items: {
              type: 'object',
              required: ['row_number', 'seats'],
              properties: {
                row_number: label,
                position: { ...position, nullable: true },
                seats: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['seat_guid', 'seat_number', 'position', 'category'],
                    properties: { seat_guid: identifier, seat_number: label, position, category: identifier },
                  },
                },
              },
            },
          },
          areas: {
            type: 'array',
            nullable: true,
            items: {
              type: 'object',
              properties: {
                shape: { ...label, nullable: true },
                position: { ...position, nullable: true },
                rotation: { type: 'number', nullable: true },
                color: { ...label, nullable: true },
                border_color: { ...label, nullable: true },
                text: { type: ['object', 'string'], nullable: true },
                rectangle: figure,
                circle: figure,
                ellipse: figure,
                polygon: figure,
              },
            },
          },
        },
      },
    },
  },
};
