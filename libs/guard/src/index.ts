export { Guard, CLAIM_MS, type GuardOptions, type HeldSeats } from './guard';
export type { GuardLog } from './guard-scripts';
export { guardOwner } from './owner';
export { SeatFlights } from './seat-flights';
export { STALE_MAX_MS, TakenMap, type KnownSeat, type TakenMapOptions } from './taken-map';
export type { ClaimOutcome, RefusedSeat, SeatChange, GuardedSeat } from './taken-seat';
