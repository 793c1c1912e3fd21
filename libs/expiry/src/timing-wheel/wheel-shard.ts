import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EngineCounts, LookAgain, OnDue } from '../expiry-engine';
import { LOOK_AFTER_MS, lookAgainPauseMs, RETRY_MAX_MS, RETRY_MIN_MS } from '../look-times';
import type { Timer } from '../timer';
import { ID_BYTES, writeId } from './id-bytes';
import { Journal, SEGMENT_BYTES } from './journal';
import type { ShardLock } from './journal-folder';
import type { JournalVisitor } from './journal-format';
import { inTimerGroups, type TimerGroup } from './timer-groups';
import { TimerTable } from './timer-table';
import { TimingWheel } from './timing-wheel';

/** Holds being looked at at once. What is due beyond stays in the wheel, after a long pause for instance. */
const LOOKING_MAX = 20_000;

/** A journal below this is left alone; above it, as much may be garbage as three times what is needed. */
const COMPACT_BYTES_MIN = 2 * SEGMENT_BYTES;
const COMPACT_FACTOR = 3;
const TIMER_BYTES = 48;
/** Entries passed over in one turn of the event loop while compacting: about a millisecond. */
const COMPACT_STRIDE = 5_000;

export interface WheelShardParts {
  /** Milliseconds since the epoch by the database's clock. */
  now: () => number;
  onDue: OnDue;
  /** Of the whole engine. */
  counts: EngineCounts;
  /** Bytes of the journal; smaller ones for tests. */
  journal?: { segmentBytes: number; compactBytesMin: number };
}

/**
 * One shard's timers: in the wheel for when, in the table for what, in the journal for good. It asks `onDue` at each
 * deadline until the hold is finished with.
 */
export class WheelShard {
  private readonly table = new TimerTable();
  private readonly wheel: TimingWheel;
  private readonly looks = new Set<Promise<void>>();
  private looking = 0;
  private failingSince: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private wakeAt = Infinity;
  private compacting: Promise<void> | undefined;
  private closed = false;
  private journal!: Journal;

  private constructor(
    private readonly parts: WheelShardParts,
    private readonly lock: ShardLock,
  ) {
    this.wheel = new TimingWheel(parts.now());
  }

  /**
   * Restores the timers of the journal in a folder and starts to keep them. Takes the lock over, and gives it back when
   * there is no journal or it cannot be used.
   *
   * @throws JournalDamaged
   */
  static async open(folder: string, lock: ShardLock, parts: WheelShardParts): Promise<WheelShard | undefined> {
    const shard = new WheelShard(parts, lock);
    try {
      const journal = await Journal.open(folder, shard.restorer(), parts.journal?.segmentBytes);
      if (journal) {
        shard.journal = journal;
        shard.wakeForNext();
        return shard;
      }
    } catch (error) {
      await lock.release();
      throw error;
    }
    await lock.release();
    return undefined;
  }

  get journalId(): string {
    return this.journal.id;
  }

  /** Timers not finished with, one a hold. */
  get size(): number {
    return this.table.size;
  }

  /** Of the journal, on the disk. */
  get journalBytes(): number {
    return this.journal.bytes;
  }

  /**
   * Takes a timer over: it resolves when the timer is safe on the disk.
   *
   * @throws JournalFailed when it is not; the shard should be closed and opened again
   */
  async arm({ eventId, deadline, holdIds }: Timer): Promise<void> {
    const first = this.journal.armed(eventId, deadline.getTime(), holdIds);
    const id = Buffer.alloc(ID_BYTES);
    const at = deadline.getTime() + LOOK_AFTER_MS;
    for (const [nth, holdId] of holdIds.entries()) {
      writeId(holdId, id, 0);
      this.wheel.place(this.table.add(eventId, id, 0, deadline.getTime(), first + nth), at);
    }
    this.wakeBy(at);
    await this.journal.flush();
    this.compactIfDue();
  }

  /** Looks no further, waits for the looks under way, and leaves the journal and its lock. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await Promise.all(this.looks);
    await this.compacting;
    await this.journal.close();
    await this.lock.release();
  }

  private restorer(): JournalVisitor {
    const entries: number[] = [];
    let firstNumber: number | undefined;
    return {
      armed: (eventId, deadline, ids, offset, count, first) => {
        firstNumber ??= first;
        for (let nth = 0; nth < count; nth++) {
          const entry = this.table.add(eventId, ids, offset + nth * ID_BYTES, deadline, first + nth);
          this.wheel.place(entry, deadline + LOOK_AFTER_MS);
          entries.push(entry);
        }
      },
      done: (number) => {
        const entry = entries[number - (firstNumber ?? Infinity)];
        // The same end twice would take away whoever got the entry since.
        if (entry === undefined || this.table.number(entry) !== number) return;
        this.wheel.remove(entry);
        this.table.remove(entry);
      },
    };
  }

  private readonly turn = (): void => {
    this.wakeAt = Infinity;
    const due = this.wheel.takeDue(this.parts.now(), LOOKING_MAX - this.looking);
    this.looking += due.length;
    const timerOf = (entry: number) => ({ eventId: this.table.eventId(entry), deadline: this.table.deadline(entry) });
    for (const group of inTimerGroups(due, timerOf)) {
      const look = this.look(group).finally(() => {
        this.looks.delete(look);
        this.looking -= group.held.length;
        this.wakeForNext();
      });
      this.looks.add(look);
    }
    this.wakeForNext();
  };

  private wakeForNext(): void {
    // Otherwise the end of a look goes on.
    if (this.looking < LOOKING_MAX) this.wakeBy(this.wheel.nextAt());
  }

  private wakeBy(at: number): void {
    if (this.closed || at >= this.wakeAt) return;
    this.wakeAt = at;
    clearTimeout(this.timer);
    this.timer = setTimeout(this.turn, Math.max(1, Math.ceil(at - this.parts.now())));
  }

  private async look({ eventId, deadline, held: entries }: TimerGroup<number>): Promise<void> {
    const holdIds = entries.map((entry) => this.table.holdId(entry));
    let again: LookAgain[];
    try {
      ({ again } = await this.parts.onDue(eventId, holdIds, new Date(deadline)));
      this.failingSince = undefined;
    } catch {
      const at = this.parts.now() + this.retryPauseMs();
      for (const entry of entries) this.wheel.place(entry, at);
      return;
    }
    this.parts.counts.due += holdIds.length;
    const deadlines = new Map<string, number>();
    for (const group of again) {
      for (const holdId of group.holdIds) deadlines.set(holdId, group.deadline.getTime());
    }
    this.parts.counts.lookedAgain += deadlines.size;
    for (const [nth, entry] of entries.entries()) {
      const later = deadlines.get(holdIds[nth] ?? '');
      if (later === undefined) this.finish(entry);
      else this.lookAgain(entry, later);
    }
    this.compactIfDue();
  }

  /** As long again as it has been failing already. */
  private retryPauseMs(): number {
    const now = this.parts.now();
    this.failingSince ??= now;
    return Math.min(Math.max(now - this.failingSince, RETRY_MIN_MS), RETRY_MAX_MS);
  }

  private finish(entry: number): void {
    this.journal.done(this.table.number(entry));
    this.table.remove(entry);
  }

  private lookAgain(entry: number, deadline: number): void {
    if (deadline !== this.table.deadline(entry)) {
      this.table.extend(entry, deadline);
      this.rewrite(entry);
    }
    const pauseMs = lookAgainPauseMs(this.table.looked(entry));
    this.wheel.place(entry, Math.max(deadline + LOOK_AFTER_MS, this.parts.now() + pauseMs));
  }

  /** Writes a timer at the end of the journal, as it is now, in place of where it stood. */
  private rewrite(entry: number): void {
    const { table, journal } = this;
    const before = table.number(entry);
    table.renumber(entry, journal.armed(table.eventId(entry), table.deadline(entry), [table.holdId(entry)]));
    journal.done(before);
  }

  private compactIfDue(): void {
    if (this.compacting || this.closed || !this.isCompactionDue()) return;
    // A disk that refuses is met again, and told, by the next timer.
    this.compacting = this.compact()
      .catch(() => undefined)
      .finally(() => (this.compacting = undefined));
  }

  private isCompactionDue(): boolean {
    const bytesMin = this.parts.journal?.compactBytesMin ?? COMPACT_BYTES_MIN;
    const neededMax = Math.max(bytesMin, COMPACT_FACTOR * TIMER_BYTES * this.table.size);
    return this.journal.oldestEnd !== undefined && this.journal.bytes > neededMax;
  }

  /** Rewrites what the oldest segments still need and deletes them. Each round moves what is alive and frees what is not. */
  private async compact(): Promise<void> {
    while (!this.closed && this.isCompactionDue()) {
      const oldestEnd = this.journal.oldestEnd ?? 0;
      for (let entry = 0; entry < this.table.end; entry++) {
        const number = this.table.number(entry);
        if (number > 0 && number < oldestEnd) this.rewrite(entry);
        if (entry % COMPACT_STRIDE === COMPACT_STRIDE - 1) await nextTurn();
      }
      await this.journal.flush();
      await this.journal.dropOldest();
    }
  }
}
