import type { SeatsChangedEntry } from '@holdfast/contracts';

/** A seat the guard knows to be taken, as it goes into a refusal. */
export interface GuardedSeat {
  seatId: string;
  state: 'held' | 'booked' | 'blocked';
  /** Time until the guard forgets it by itself: the rest of the hold, or of a claim still on its way to Postgres. */
  msLeft: number;
  /** Held by the asking buyer, under another key. */
  heldByYou: boolean;
  /** The request that holds or claims it, from `guardOwner`; never shown to buyers. */
  holder?: string;
  /** Claimed, and still on its way to Postgres. */
  claimed?: true;
}

/** `unguarded`: Redis is away, slow or failing; ask Postgres, with bounded concurrency. */
export type ClaimOutcome = { claimed: true } | { claimed: false; taken: GuardedSeat[] } | { claimed: 'unguarded' };

/** What Postgres said when it refused: the truth that repairs the guard's key. */
export type RefusedSeat =
  | { seatId: string; state: 'held'; owner: string; holdId: string; msLeft: number }
  | { seatId: string; state: 'booked'; holdId: string }
  | { seatId: string; state: 'blocked' };

/** The part of a ledger entry the guard reads. */
export type SeatChange = Pick<SeatsChangedEntry, 'kind' | 'seatId' | 'holdId'>;
