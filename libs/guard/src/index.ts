export { Guard, CLAIM_MS, MARK_MS, type GuardOptions, type HeldSeats } from './guard';
export { guardOwner } from './owner';
export type { ClaimOutcome, RefusedSeat, SeatChange, TakenSeat } from './taken-seat';
