import { problem } from './problems';

/**
 * Refuses a request that names a seat twice, or more seats than it may.
 *
 * @throws Problem `too-many-seats` or `duplicate-seats`
 */
export function checkDistinctSeats(seatIds: string[], countMax: number): void {
  if (seatIds.length > countMax) throw problem('too-many-seats', { limit: countMax });
  const repeated = seatIds.filter((seatId, i) => seatIds.indexOf(seatId) !== i);
  if (repeated.length > 0) throw problem('duplicate-seats', { seatIds: [...new Set(repeated)] });
}
