import { problem } from '@holdfast/http';

/**
 * The seats of a request, each named once.
 *
 * @throws Problem `too-many-seats` or `duplicate-seats`
 */
export function distinctSeats(seatIds: string[], countMax: number): string[] {
  if (seatIds.length > countMax) throw problem('too-many-seats', { limit: countMax });
  const repeated = seatIds.filter((seatId, i) => seatIds.indexOf(seatId) !== i);
  if (repeated.length > 0) throw problem('duplicate-seats', { seatIds: [...new Set(repeated)] });
  return seatIds;
}
