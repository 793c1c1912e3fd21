import { guardOwner, type Guard, type RefusedSeat, type TakenSeat as GuardedSeat } from '@holdfast/guard';
import {
  findReplay,
  type HoldCommitter,
  type HoldOutcome,
  type HoldRequest,
  type TakenSeat,
} from '@holdfast/inventory';
import { DatabaseUnavailable, type Database } from '@holdfast/postgres';

/** What the guard says looks like what Postgres says, without the time it was said. */
export type TakeOutcome =
  HoldOutcome | { outcome: 'seats-taken'; seats: Pick<GuardedSeat, 'seatId' | 'state' | 'heldByYou'>[] };

/**
 * The path of a hold: the guard's early no, then the group commit, then the guard learns what became of it. Postgres
 * alone grants; without Redis the path is the same, only more requests reach Postgres.
 */
export class HoldTaking {
  constructor(
    private readonly database: Database,
    private readonly guard: Guard,
    private readonly committer: HoldCommitter,
  ) {}

  /**
   * @throws Overloaded when too much is waiting
   * @throws DatabaseUnavailable when Postgres did not answer; whether the seats are held, the same key will tell
   */
  async take(eventId: string, request: HoldRequest): Promise<TakeOutcome> {
    const owner = guardOwner(request.buyerId, request.key);
    const claim = await this.guard.claim(eventId, owner, request.seatIds);
    if (claim.claimed === false) {
      // The hold this key was given may have ended, and others may have its seats now: its answer stays the same.
      const replay = await findReplay(this.database, eventId, request);
      return replay ?? { outcome: 'seats-taken', seats: claim.taken };
    }
    const outcome = await this.write(eventId, owner, request);
    await this.remember(eventId, owner, request, outcome);
    return outcome;
  }

  private async write(eventId: string, owner: string, request: HoldRequest): Promise<HoldOutcome> {
    try {
      return await this.committer.hold(eventId, request);
    } catch (error) {
      // Where Postgres went away the seats may be held: the claim stands until it runs out by itself.
      if (!(error instanceof DatabaseUnavailable)) await this.guard.giveUp(eventId, owner, request.seatIds);
      throw error;
    }
  }

  private async remember(eventId: string, owner: string, request: HoldRequest, outcome: HoldOutcome): Promise<void> {
    if (outcome.outcome === 'held' && !outcome.replayed) {
      const { hold, serverTime } = outcome;
      const msLeft = hold.deadline.getTime() - serverTime.getTime();
      await this.guard.confirm(eventId, owner, { holdId: hold.holdId, seatIds: request.seatIds, msLeft });
      return;
    }
    // A replay claims nothing new: where its hold lives on the key carries that hold, and is left alone.
    const refused = outcome.outcome === 'seats-taken' ? truths(outcome.seats, outcome.serverTime) : [];
    await this.guard.giveUp(eventId, owner, request.seatIds, refused);
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
