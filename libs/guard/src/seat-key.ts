import { sameBuyer } from './owner';
import type { RefusedSeat, GuardedSeat } from './taken-seat';

/*
 * What a seat's key holds:
 *   claim:<owner>            on its way to Postgres
 *   hold:<owner>:<holdId>    held until the deadline
 *   booked:<holdId>          booked
 *   blocked                  kept back by the organiser
 * All keys of an event share the hash tag, so that on a cluster a script finds them on one node.
 */

export function seatKey(eventId: string, seatId: string): string {
  return `holdfast:{${eventId}}:seat:${seatId}`;
}

/** A seat's key within this process, shorter. */
export function localKey(eventId: string, seatId: string): string {
  return `${eventId} ${seatId}`;
}

/** Says for a short time that a hold ended, so that no late update brings it back. */
export function endMarkKey(eventId: string, holdId: string): string {
  return `holdfast:{${eventId}}:ended:${holdId}`;
}

export function seatValue(seat: RefusedSeat): string {
  switch (seat.state) {
    case 'held':
      return `hold:${seat.owner}:${seat.holdId}`;
    case 'booked':
      return `booked:${seat.holdId}`;
    case 'blocked':
      return 'blocked';
  }
}

/** Reads the reply of claim.lua, `[index in all seats from 1, value, milliseconds left]`: what is taken, for each claim. */
export function readTaken(reply: unknown, claims: { owner: string; seatIds: string[] }[]): GuardedSeat[][] {
  const taken = claims.map((): GuardedSeat[] => []);
  let nth = 0;
  let before = 0;
  // In the order of the claims and of their seats, as the script went.
  for (const [index, value, msLeft] of reply as [number, string, number][]) {
    let claim = claims[nth];
    while (claim && index > before + claim.seatIds.length) {
      before += claim.seatIds.length;
      claim = claims[++nth];
    }
    if (claim) taken[nth]?.push(takenSeat(claim.seatIds[index - before - 1] ?? '', value, msLeft, claim.owner));
  }
  return taken;
}

function takenSeat(seatId: string, value: string, msLeft: number, owner: string): GuardedSeat {
  const [kind, holder] = value.split(':');
  return {
    seatId,
    state: kind === 'booked' || kind === 'blocked' ? kind : 'held',
    msLeft: Math.max(0, msLeft),
    // Not for a claim: Postgres may still refuse it.
    heldByYou: kind === 'hold' && holder !== undefined && sameBuyer(holder, owner),
    ...((kind === 'hold' || kind === 'claim') && { holder }),
    ...(kind === 'claim' && { claimed: true }),
  };
}
