import type { Position } from './plan-file';
import { fillSections, type Band, type Section } from './section';

const SEAT_PITCH = 24;
const ROW_PITCH = 30;
const AISLE = 48;
const BLOCK_COLUMNS = 16;
const BLOCK_ROWS = 22;
/** Seats across for each seat of depth; with the pitches above the floor comes out nearly square. */
const BREADTH = 1.25;
const SIGN_OFFSET = 26;

export interface Floor {
  sections: Section[];
  width: number;
  depth: number;
}

/** Straight blocks of seats with numbered rows before the stage, centred on the arena; the stage is at the top. */
export function floorOf(seats: number, category: string): Floor {
  const across = Math.max(4, Math.round(Math.sqrt(seats * BREADTH)));
  const blocksAcross = Math.max(1, Math.round(across / BLOCK_COLUMNS));
  const columns = Math.ceil(across / blocksAcross);
  const rows = Math.ceil(seats / (columns * blocksAcross));
  const blockWidth = (columns - 1) * SEAT_PITCH;
  const width = blocksAcross * blockWidth + (blocksAcross - 1) * AISLE;
  const depth = (rows - 1) * ROW_PITCH + Math.floor((rows - 1) / BLOCK_ROWS) * AISLE;
  const corner = { x: -width / 2, y: -depth / 2 };

  function* bands(): Generator<Band> {
    let blocks: Section[] = [];
    for (let row = 0; row < rows; row++) {
      const blockRow = Math.floor(row / BLOCK_ROWS);
      const y = corner.y + row * ROW_PITCH + blockRow * AISLE;
      const left = (column: number) => corner.x + column * (blockWidth + AISLE);
      if (row % BLOCK_ROWS === 0) {
        blocks = Array.from({ length: blocksAcross }, (_, column) => ({
          name: `F${blockRow * blocksAcross + column + 1}`,
          category,
          rows: [],
          sign: { x: left(column) + blockWidth / 2, y: y - SIGN_OFFSET },
        }));
      }
      yield {
        label: String((row % BLOCK_ROWS) + 1),
        stretches: blocks.map((section, column) => ({ section, seats: straight(left(column), y, columns) })),
      };
    }
  }

  return { sections: fillSections(bands(), seats), width, depth };
}

function straight(x: number, y: number, count: number): Position[] {
  return Array.from({ length: count }, (_, nth) => ({ x: x + nth * SEAT_PITCH, y }));
}
