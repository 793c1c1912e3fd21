import type { PlanFile, PlanRow } from './plan-file';

/** The one category of a plain plan. */
export const PLAIN_CATEGORY = 'Standard';

const SEATS_PER_ROW = 1_000;

/** Rows of a thousand seats and nothing else, for an event that nobody looks at: the seats are `S0`, `S1` and so on. */
export function plainPlan(seats: number): PlanFile {
  const rows = Array.from({ length: Math.ceil(seats / SEATS_PER_ROW) }, (_, row): PlanRow => {
    const first = row * SEATS_PER_ROW;
    return {
      row_number: `${row}`,
      row_number_position: null,
      position: { x: 0, y: row },
      seats: Array.from({ length: Math.min(SEATS_PER_ROW, seats - first) }, (_, nth) => ({
        seat_guid: `S${first + nth}`,
        seat_number: `${nth}`,
        position: { x: nth, y: 0 },
        category: PLAIN_CATEGORY,
      })),
    };
  });
  return {
    name: 'Plain',
    categories: [{ name: PLAIN_CATEGORY, color: '#888888' }],
    zones: [{ name: 'All', zone_id: 'all', position: { x: 0, y: 0 }, rows, areas: [] }],
    size: { width: SEATS_PER_ROW, height: rows.length },
  };
}
