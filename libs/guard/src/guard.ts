import { freesSeat } from '@holdfast/contracts';
import type { Metrics } from '@holdfast/observability';
import type { RedisClient } from '@holdfast/redis';
import type { Counter } from 'prom-client';
import { GuardScripts, type GuardLog, type GuardVerb } from './guard-scripts';
import { cut, oneSeat, seatCount } from './script-cuts';
import { endMarkKey, readTaken, seatKey, seatValue } from './seat-key';
import type { TakenMap } from './taken-map';
import type { ClaimOutcome, RefusedSeat, SeatChange } from './taken-seat';
import { TurnBatches } from './turn-batches';

/** A claim lives just above the write time-out of Postgres (5 s): a crash before commit blocks a seat no longer. */
export const CLAIM_MS = 6_000;
/**
 * How long `booked` and `blocked` marks live. Not for ever: a mark whose removal was lost, or that came back with an
 * old snapshot of Redis, would refuse a free seat until somebody noticed. When it runs out, one request per seat and
 * hour asks Postgres, is refused, and so renews it.
 */
export const MARK_MS = 3_600_000;
/** A late confirmation or repair comes within the life of its claim; the mark that stops it lives longer. */
const END_MARK_MS = CLAIM_MS + 4_000;

export interface GuardOptions {
  redis: RedisClient;
  metrics: Metrics;
  /** Forgets what this process frees; see {@link TakenMap}. */
  taken?: TakenMap;
  /** Is told when Redis is left alone, by which error, and when it answers again: not of every failure. */
  log?: GuardLog;
}

/** Seats of a hold, and the time until its deadline by the database's clock (`deadline - serverTime`). */
export interface HeldSeats {
  holdId: string;
  seatIds: string[];
  msLeft: number;
}

interface Claim {
  owner: string;
  seatIds: string[];
}
type Confirmation = HeldSeats & { owner: string };
type EndedHold = Pick<HeldSeats, 'holdId' | 'seatIds'>;

/**
 * The early no: remembers in Redis who has a seat, so that most refusals never reach Postgres. It never grants: a
 * claim that succeeds only means that asking Postgres makes sense.
 *
 * Every verb but `claim` is best effort and resolves to whether Redis took it; none rejects. What is lost by that
 * costs one question to Postgres, never a wrong answer that lasts: see docs/decisions/005-early-no.md.
 */
export class Guard {
  private readonly scripts: GuardScripts;
  private readonly taken: TakenMap | undefined;
  private readonly claiming = new TurnBatches((eventId, asks: Claim[]) => this.claimAll(eventId, asks));
  private readonly confirming = new TurnBatches((eventId, asks: Confirmation[]) => this.confirmAll(eventId, asks));
  private readonly ending = new TurnBatches((eventId, asks: EndedHold[]) => this.endAll(eventId, asks));
  private readonly claims: Counter<'outcome'>;
  private readonly repairs: Counter;

  constructor(options: GuardOptions) {
    this.scripts = new GuardScripts(options);
    this.taken = options.taken;
    this.claims = options.metrics.counter('guard_claims', 'Claims by what the guard said', ['outcome']);
    this.repairs = options.metrics.counter('guard_repaired_seats', 'Seats the guard did not know to be taken');
  }

  /**
   * Claims seats for one request, all or none, for {@link CLAIM_MS}. Seats claimed or held by the same owner count as
   * free: a replay is never refused by its own hold.
   *
   * @param owner from `guardOwner(buyerId, key)`
   * @param seatIds at least one, each once
   * @returns `unguarded` when Redis did not answer: ask Postgres
   */
  claim(eventId: string, owner: string, seatIds: string[]): Promise<ClaimOutcome> {
    return this.claiming.ask(eventId, { owner, seatIds });
  }

  /** After commit: the claim becomes the hold and lives until the deadline. Not for a replay whose hold has ended. */
  confirm(eventId: string, owner: string, held: HeldSeats): Promise<boolean> {
    return this.confirming.ask(eventId, { owner, ...held });
  }

  /** The deadline moved later, by an extension or by pay grace; a shorter `msLeft` changes nothing. */
  extend(eventId: string, held: HeldSeats): Promise<boolean> {
    return this.update('extend', eventId, held.seatIds, [held.holdId, Math.floor(held.msLeft)]);
  }

  /**
   * Postgres refused the request, or was never asked: gives up its claims and remembers what Postgres said instead.
   * Not when the outcome is unknown: then the claim stands until it runs out.
   *
   * @param seatIds all that were claimed
   * @param refused the seats Postgres named as taken, if that was the reason
   */
  async giveUp(eventId: string, owner: string, seatIds: string[], refused: RefusedSeat[] = []): Promise<boolean> {
    const truths = new Map(refused.map((seat) => [seat.seatId, seat]));
    if (refused.length > 0) this.repairs.inc(refused.length);
    return this.inScripts(seatIds, (some) => {
      const seats = some.map((seatId) => ({ seatId, truth: truths.get(seatId) }));
      const keys = seats.flatMap(({ seatId, truth }) => [seatKey(eventId, seatId), endMarkKey(eventId, holdOf(truth))]);
      const values = seats.flatMap(({ truth }) => (truth ? [seatValue(truth), lifeOf(truth)] : ['', 0]));
      return this.scripts.attempt('give-up', keys, [owner, ...values]);
    });
  }

  /** The hold gave up these seats: released or expired. Never touches the key of another hold. */
  release(eventId: string, holdId: string, seatIds: string[]): Promise<boolean> {
    this.taken?.forget(eventId, seatIds);
    return this.ending.ask(eventId, { holdId, seatIds });
  }

  /** The hold is booked: its seats carry a mark that outlives the deadline. */
  book(eventId: string, holdId: string, seatIds: string[]): Promise<boolean> {
    this.taken?.forget(eventId, seatIds);
    return this.update('book', eventId, seatIds, [holdId, MARK_MS], [endMarkKey(eventId, holdId)]);
  }

  /** These booked seats are free again. */
  unbook(eventId: string, holdId: string, seatIds: string[]): Promise<boolean> {
    return this.release(eventId, holdId, seatIds);
  }

  /** The organiser keeps these seats back. Those that somebody has stay as they are. */
  block(eventId: string, seatIds: string[]): Promise<boolean> {
    return this.update('block', eventId, seatIds, [MARK_MS]);
  }

  /** The organiser gives these seats back. Those that are not blocked stay as they are. */
  unblock(eventId: string, seatIds: string[]): Promise<boolean> {
    this.taken?.forget(eventId, seatIds);
    return this.update('unblock', eventId, seatIds, []);
  }

  /**
   * Takes over what the ledger says became free, so that an update lost elsewhere heals. Entries may come late, twice
   * or in any order. Those that take seats are ignored: a late one would mark a seat that is free again.
   *
   * @returns false when Redis did not take all of it: apply the entries again later
   */
  async applyLedger(eventId: string, entries: SeatChange[]): Promise<boolean> {
    const freedByHold = new Map<string | null, string[]>();
    for (const { holdId, seatId } of entries.filter(freesSeat)) {
      const freed = freedByHold.get(holdId);
      if (freed) freed.push(seatId);
      else freedByHold.set(holdId, [seatId]);
    }
    const taken = await Promise.all(
      [...freedByHold].map(([holdId, seatIds]) =>
        // Without a hold they were blocked.
        holdId ? this.release(eventId, holdId, seatIds) : this.unblock(eventId, seatIds),
      ),
    );
    return taken.every(Boolean);
  }

  private async claimAll(eventId: string, claims: Claim[]): Promise<ClaimOutcome[]> {
    const outcomes = await Promise.all(cut(claims, seatCount).map((some) => this.claimSome(eventId, some)));
    return outcomes.flat();
  }

  private async claimSome(eventId: string, claims: Claim[]): Promise<ClaimOutcome[]> {
    const keys = claims.flatMap(({ seatIds }) => seatIds.map((seatId) => seatKey(eventId, seatId)));
    const args = claims.flatMap(({ owner, seatIds }) => [owner, seatIds.length]);
    const answer = await this.scripts.run('claim', keys, [CLAIM_MS, ...args]);
    if (!answer) {
      this.claims.inc({ outcome: 'unguarded' }, claims.length);
      return claims.map(() => ({ claimed: 'unguarded' }));
    }
    const taken = readTaken(answer.reply, claims);
    const refused = taken.filter((seats) => seats.length > 0).length;
    this.claims.inc({ outcome: 'refused' }, refused);
    this.claims.inc({ outcome: 'claimed' }, claims.length - refused);
    return taken.map((seats) => (seats.length > 0 ? { claimed: false, taken: seats } : { claimed: true }));
  }

  private confirmAll(eventId: string, held: Confirmation[]): Promise<boolean[]> {
    return this.attemptMany('confirm', eventId, held, [], ({ owner, holdId, msLeft, seatIds }) => [
      owner,
      holdId,
      Math.floor(msLeft),
      seatIds.length,
    ]);
  }

  /** A burst of expiries comes as messages of hundreds of holds: a script for each kept their seats from sale for seconds. */
  private endAll(eventId: string, ended: EndedHold[]): Promise<boolean[]> {
    return this.attemptMany('end-hold', eventId, ended, [END_MARK_MS], ({ holdId, seatIds }) => [
      holdId,
      seatIds.length,
    ]);
  }

  /** Runs a verb over holds, each with its end mark and its seats as keys. @returns for each whether Redis took it */
  private async attemptMany<Ask extends EndedHold>(
    verb: GuardVerb,
    eventId: string,
    asks: Ask[],
    args: number[],
    argsOf: (ask: Ask) => (string | number)[],
  ): Promise<boolean[]> {
    const taken = await Promise.all(
      cut(asks, seatCount).map(async (some) => {
        const keys = some.flatMap(({ holdId, seatIds }) => [
          endMarkKey(eventId, holdId),
          ...seatIds.map((seatId) => seatKey(eventId, seatId)),
        ]);
        const wasTaken = await this.scripts.attempt(verb, keys, [...args, ...some.flatMap(argsOf)]);
        return some.map(() => wasTaken);
      }),
    );
    return taken.flat();
  }

  /** Runs a verb over seats. @param firstKeys keys of the script before those of the seats */
  private update(
    verb: GuardVerb,
    eventId: string,
    seatIds: string[],
    args: (string | number)[],
    firstKeys: string[] = [],
  ): Promise<boolean> {
    return this.inScripts(seatIds, (some) =>
      this.scripts.attempt(verb, [...firstKeys, ...some.map((seatId) => seatKey(eventId, seatId))], args),
    );
  }

  /** @returns whether Redis took all of the scripts that the seats are cut into */
  private async inScripts(seatIds: string[], run: (some: string[]) => Promise<boolean>): Promise<boolean> {
    return (await Promise.all(cut(seatIds, oneSeat).map(run))).every(Boolean);
  }
}

function holdOf(truth: RefusedSeat | undefined): string {
  return truth && 'holdId' in truth ? truth.holdId : '';
}

function lifeOf(truth: RefusedSeat): number {
  return truth.state === 'held' ? Math.floor(truth.msLeft) : MARK_MS;
}
