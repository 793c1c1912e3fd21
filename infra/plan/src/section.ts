import type { Position } from './plan-file';

/** A block of seats with one name, as it stands on a ticket; positions count from the centre of the arena. */
export interface Section {
  name: string;
  category: string;
  rows: { label: string; seats: Position[] }[];
  /** Where the section's name is written: before its first row. */
  sign: Position;
}

/** One row across all its sections. `seats` is what the row has room for. */
export interface Band {
  label: string;
  stretches: { section: Section; seats: Position[] }[];
}

/**
 * Puts exactly `count` seats into the sections, row after row from the front. The last row is shared out over its
 * sections by their room and stands in their middle, as a back row does.
 *
 * @returns the sections that got seats, in the order of their first one
 */
export function fillSections(bands: Iterable<Band>, count: number): Section[] {
  const used = new Set<Section>();
  let left = count;
  for (const { label, stretches } of bands) {
    const room = stretches.reduce((sum, { seats }) => sum + seats.length, 0);
    const wanted = Math.min(left, room);
    let roomBefore = 0;
    for (const { section, seats } of stretches) {
      const upTo = (places: number) => Math.round((places * wanted) / room);
      const share = upTo(roomBefore + seats.length) - upTo(roomBefore);
      roomBefore += seats.length;
      if (share === 0) continue;
      const from = Math.floor((seats.length - share) / 2);
      section.rows.push({ label, seats: seats.slice(from, from + share) });
      used.add(section);
    }
    left -= wanted;
    if (left === 0) break;
  }
  return [...used];
}
