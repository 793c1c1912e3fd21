import type { Metrics } from '@holdfast/observability';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { sameBuyer } from './owner';
import { localKey } from './seat-key';
import type { GuardedSeat } from './taken-seat';

/** A refusal may rest on what was asked this long ago at most; then the seat can be bought again through everyone. */
export const STALE_MAX_MS = 250;
/** About 20 MB at worst. Beyond it the oldest entries go first, which costs a question to Redis. */
const ENTRIES_MAX = 100_000;
/** Buckets, in seconds, for the age of what a refusal rested on; nothing may be above the bound. */
const AGE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25];

/** A seat somebody has, as Redis or Postgres said. Not one that is only claimed: that may still come to nothing. */
export interface KnownSeat {
  seatId: string;
  state: GuardedSeat['state'];
  /** The request that has it, from `guardOwner`; absent where that is not known (booked, blocked). */
  holder?: string;
  /** Time until it may be free by itself, counted from when the question was sent. */
  msLeft: number;
}

export interface TakenMapOptions {
  metrics: Metrics;
  /** 0 turns the map off. Never above {@link STALE_MAX_MS}. */
  staleMaxMs?: number;
  /** A clock that never goes back, in milliseconds. */
  now?: () => number;
}

interface Entry extends KnownSeat {
  sentAt: number;
  forgetAt: number;
}

/**
 * The early no of this process: seats known to be taken, so that the refusals of a rush do not even reach Redis.
 *
 * Only "taken" is remembered, and never longer than {@link STALE_MAX_MS} from when the refusing question was **sent**: an
 * answer may be old already when it arrives. Nothing prolongs an entry; messages and own releases only shorten it, so the
 * bound holds also while RabbitMQ is away.
 */
export class TakenMap {
  /** The map's clock, for `sentAt`: read it before the question is sent. */
  readonly now: () => number;
  /** In the order of their arrival, which is nearly the order in which they end. */
  private readonly entries = new Map<string, Entry>();
  private readonly staleMaxMs: number;
  private readonly refusals: Counter;
  private readonly age: Histogram;
  private readonly size: Gauge;

  constructor({ metrics, staleMaxMs = STALE_MAX_MS, now = () => performance.now() }: TakenMapOptions) {
    this.staleMaxMs = Math.min(staleMaxMs, STALE_MAX_MS);
    this.now = now;
    this.refusals = metrics.counter('taken_map_refusals', 'Requests refused without asking Redis or Postgres');
    this.age = metrics.seconds(
      'taken_map_age',
      'Age of what a refusal of the taken map rested on, never above 0.25 s',
      AGE_SECONDS,
    );
    this.size = metrics.gauge('taken_map_entries', 'Seats known to be taken');
  }

  get isOn(): boolean {
    return this.staleMaxMs > 0;
  }

  /**
   * Those of the seats that are known to be taken by another request; empty when nothing speaks against asking.
   *
   * @param owner who asks, from `guardOwner`: its own claim or hold never stands in its way
   */
  known(eventId: string, owner: string, seatIds: string[]): GuardedSeat[] {
    if (this.entries.size === 0) return [];
    const now = this.now();
    const taken: GuardedSeat[] = [];
    let oldest = now;
    for (const seatId of seatIds) {
      const entry = this.entries.get(localKey(eventId, seatId));
      if (!entry || entry.forgetAt <= now || entry.holder === owner) continue;
      const { state, holder } = entry;
      const heldByYou = holder !== undefined && sameBuyer(holder, owner);
      taken.push({ seatId, state, msLeft: entry.msLeft - (now - entry.sentAt), heldByYou, ...(holder && { holder }) });
      oldest = Math.min(oldest, entry.sentAt);
    }
    if (taken.length > 0) {
      this.refusals.inc();
      this.age.observe((now - oldest) / 1_000);
    }
    return taken;
  }

  /** @param sentAt {@link now} from before the question was sent whose answer this is */
  note(eventId: string, seats: KnownSeat[], sentAt: number): void {
    const now = this.now();
    for (const seat of seats) {
      const forgetAt = sentAt + Math.min(seat.msLeft, this.staleMaxMs);
      if (forgetAt <= now) continue;
      const key = localKey(eventId, seat.seatId);
      // To the end of the order, where it belongs by its age.
      this.entries.delete(key);
      this.entries.set(key, { ...seat, sentAt, forgetAt });
    }
    this.tidy(now);
  }

  /** These seats may be free again: ask. */
  forget(eventId: string, seatIds: string[]): void {
    if (this.entries.size === 0) return;
    for (const seatId of seatIds) this.entries.delete(localKey(eventId, seatId));
    this.size.set(this.entries.size);
  }

  private tidy(now: number): void {
    for (const [key, { forgetAt }] of this.entries) {
      if (forgetAt > now && this.entries.size <= ENTRIES_MAX) break;
      this.entries.delete(key);
    }
    this.size.set(this.entries.size);
  }
}
