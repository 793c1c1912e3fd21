import { setTimeout as sleep } from 'node:timers/promises';
import {
  guardOwner,
  SeatFlights,
  STALE_MAX_MS,
  type Guard,
  type GuardedSeat,
  type KnownSeat,
  type RefusedSeat,
  type TakenMap,
} from '@holdfast/guard';
import type { HoldCommitter, HoldOutcome, HoldRequest, KeyLookups, TakenSeat } from '@holdfast/inventory';
import { DatabaseUnavailable } from '@holdfast/postgres';

/** A write takes a few milliseconds, in a rush some tens. */
const CLAIM_LOOK_AGAIN_MS = 20;
const CLAIM_LOOKS_MAX = 6;

/** What the guard says looks like what Postgres says, without the time it was said. */
export type TakeOutcome =
  HoldOutcome | { outcome: 'seats-taken'; seats: Pick<GuardedSeat, 'seatId' | 'state' | 'heldByYou'>[] };

export interface HoldTakingParts {
  taken: TakenMap;
  guard: Guard;
  committer: Pick<HoldCommitter, 'hold'>;
  lookups: KeyLookups;
}

/**
 * The path of a hold: what this process knows to be taken, then the guard's early no, then the group commit; then map and
 * guard learn what became of it. Postgres alone grants; without Redis the path is the same, only more requests reach
 * Postgres.
 */
export class HoldTaking {
  private readonly flights = new SeatFlights();

  constructor(private readonly parts: HoldTakingParts) {}

  /**
   * @throws Overloaded when too much is waiting
   * @throws DatabaseUnavailable when Postgres did not answer; whether the seats are held, the same key will tell
   */
  async take(eventId: string, request: HoldRequest): Promise<TakeOutcome> {
    const owner = guardOwner(request.buyerId, request.key);
    if (!this.parts.taken.isOn) return this.ask(eventId, owner, request);

    const known = () => this.parts.taken.known(eventId, owner, request.seatIds);
    let seats = known();
    if (seats.length > 0) return this.refuse(eventId, request, seats);
    const answered = await this.flights.turn(eventId, request.seatIds, () => (seats = known()).length > 0);
    if (!answered) return this.refuse(eventId, request, seats);
    try {
      return await this.ask(eventId, owner, request);
    } finally {
      answered();
    }
  }

  private async ask(eventId: string, owner: string, request: HoldRequest): Promise<TakeOutcome> {
    const refused = await this.claim(eventId, owner, request.seatIds);
    if (refused) return this.refuse(eventId, request, refused);
    const askedAt = this.parts.taken.now();
    const outcome = await this.write(eventId, owner, request);
    await this.remember(eventId, owner, request, outcome, askedAt);
    return outcome;
  }

  /**
   * Claims the seats, or says which are taken. A claim in the way may still come to nothing, as that of a request which
   * Postgres will refuse: it is waited for a short time, so that such requests cannot keep others from free seats.
   */
  private async claim(eventId: string, owner: string, seatIds: string[]): Promise<GuardedSeat[] | undefined> {
    for (let look = 1; ; look++) {
      const sentAt = this.parts.taken.now();
      const claim = await this.parts.guard.claim(eventId, owner, seatIds);
      if (claim.claimed !== false) return undefined;
      const decided = claim.taken.filter((seat) => !seat.claimed);
      this.parts.taken.note(eventId, decided, sentAt);
      if (decided.length > 0 || look === CLAIM_LOOKS_MAX) return claim.taken;
      await sleep(CLAIM_LOOK_AGAIN_MS);
    }
  }

  /** The hold this key was given may have ended, and others may have its seats now: its answer stays the same. */
  private async refuse(eventId: string, request: HoldRequest, seats: GuardedSeat[]): Promise<TakeOutcome> {
    return (await this.parts.lookups.find(eventId, request)) ?? { outcome: 'seats-taken', seats };
  }

  private async write(eventId: string, owner: string, request: HoldRequest): Promise<HoldOutcome> {
    try {
      return await this.parts.committer.hold(eventId, request);
    } catch (error) {
      // Where Postgres went away the seats may be held: the claim stands until it runs out by itself.
      if (!(error instanceof DatabaseUnavailable)) await this.parts.guard.giveUp(eventId, owner, request.seatIds);
      throw error;
    }
  }

  private async remember(
    eventId: string,
    owner: string,
    request: HoldRequest,
    outcome: HoldOutcome,
    askedAt: number,
  ): Promise<void> {
    if (outcome.outcome === 'held' && !outcome.replayed) {
      const { hold, serverTime } = outcome;
      const msLeft = hold.deadline.getTime() - serverTime.getTime();
      const held = request.seatIds.map((seatId) => ({ seatId, state: 'held', holder: owner, msLeft }) as const);
      this.parts.taken.note(eventId, held, askedAt);
      // The buyer has the seats, whatever becomes of the guard's key: a claim that is not confirmed runs out by itself.
      void this.parts.guard.confirm(eventId, owner, { holdId: hold.holdId, seatIds: request.seatIds, msLeft });
      return;
    }
    // A replay claims nothing new: where its hold lives on the key carries that hold, and is left alone.
    const refused = outcome.outcome === 'seats-taken' ? truths(outcome.seats, outcome.serverTime) : [];
    this.parts.taken.note(eventId, refused.map(knownSeat), askedAt);
    await this.parts.guard.giveUp(eventId, owner, request.seatIds, refused);
  }
}

/** What Postgres named as the reason, as the guard keeps it. */
function truths(seats: TakenSeat[], serverTime: Date): RefusedSeat[] {
  return seats.flatMap(({ seatId, state, holdId, deadline, holder }): RefusedSeat[] => {
    if (state === 'blocked') return [{ seatId, state }];
    if (!holdId) return [];
    if (state === 'booked') return [{ seatId, state, holdId }];
    if (!deadline || !holder) return [];
    const msLeft = deadline.getTime() - serverTime.getTime();
    return [{ seatId, state, holdId, owner: guardOwner(holder.buyerId, holder.key), msLeft }];
  });
}

/** What Postgres named as the reason, as the map of taken seats keeps it. */
function knownSeat(seat: RefusedSeat): KnownSeat {
  const { seatId, state } = seat;
  return state === 'held'
    ? { seatId, state, holder: seat.owner, msLeft: seat.msLeft }
    : { seatId, state, msLeft: STALE_MAX_MS };
}
