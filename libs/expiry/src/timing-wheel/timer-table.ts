import { ID_BYTES, readId } from './id-bytes';
import { enlarged } from './timing-wheel';

const CAPACITY_FIRST = 1_024;
const NONE = -1;

/**
 * Pending timers, one entry a hold, in arrays of plain numbers: 41 bytes each, and nothing for the garbage collector to
 * walk. A million of them as objects take 190 MB and 200 ms of every full collection.
 */
export class TimerTable {
  private holdIds = Buffer.alloc(CAPACITY_FIRST * ID_BYTES);
  private events = new Int32Array(CAPACITY_FIRST);
  private deadlines = new Float64Array(CAPACITY_FIRST);
  /** The timer's number in the journal; 0 in a free entry. */
  private numbers = new Float64Array(CAPACITY_FIRST);
  private looks = new Uint8Array(CAPACITY_FIRST);
  /** In a free entry `events` links to the next free one. */
  private firstFree = NONE;
  private used = 0;
  private live = 0;
  private readonly eventNames = new EventNames();

  get size(): number {
    return this.live;
  }

  /** Entries are numbered from 0 to below this; some of them may be free. */
  get end(): number {
    return this.used;
  }

  /**
   * @param holdId place of the hold's 16 bytes in `ids`
   * @param deadline milliseconds since the epoch
   * @param number of the timer in the journal, from 1
   */
  add(eventId: string, ids: Buffer, holdId: number, deadline: number, number: number): number {
    const entry = this.free();
    ids.copy(this.holdIds, entry * ID_BYTES, holdId, holdId + ID_BYTES);
    this.events[entry] = this.eventNames.take(eventId);
    this.deadlines[entry] = deadline;
    this.numbers[entry] = number;
    this.looks[entry] = 0;
    this.live++;
    return entry;
  }

  remove(entry: number): void {
    this.eventNames.give(this.events[entry] ?? 0);
    this.numbers[entry] = 0;
    this.events[entry] = this.firstFree;
    this.firstFree = entry;
    this.live--;
  }

  eventId(entry: number): string {
    return this.eventNames.name(this.events[entry] ?? 0);
  }

  holdId(entry: number): string {
    return readId(this.holdIds, entry * ID_BYTES);
  }

  deadline(entry: number): number {
    return this.deadlines[entry] ?? 0;
  }

  /** 0 when the entry is free. */
  number(entry: number): number {
    return this.numbers[entry] ?? 0;
  }

  /** The same timer at another place of the journal. */
  renumber(entry: number, number: number): void {
    this.numbers[entry] = number;
  }

  /** Another deadline: the hold was extended. The looks at the old one no longer count. */
  extend(entry: number, deadline: number): void {
    this.deadlines[entry] = deadline;
    this.looks[entry] = 0;
  }

  /** Counts a look that found the hold not due, and answers how many there were at this deadline. */
  looked(entry: number): number {
    const looks = Math.min((this.looks[entry] ?? 0) + 1, 255);
    this.looks[entry] = looks;
    return looks;
  }

  private free(): number {
    const entry = this.firstFree;
    if (entry !== NONE) {
      this.firstFree = this.events[entry] ?? NONE;
      return entry;
    }
    if (this.used === this.numbers.length) this.grow(this.used * 2);
    return this.used++;
  }

  private grow(capacity: number): void {
    const { holdIds } = this;
    this.holdIds = Buffer.alloc(capacity * ID_BYTES);
    holdIds.copy(this.holdIds);
    this.events = enlarged(this.events, new Int32Array(capacity));
    this.deadlines = enlarged(this.deadlines, new Float64Array(capacity));
    this.numbers = enlarged(this.numbers, new Float64Array(capacity));
    this.looks = enlarged(this.looks, new Uint8Array(capacity));
  }
}

/** Each event's id once, for as long as a timer names it. */
class EventNames {
  private readonly indexes = new Map<string, number>();
  private readonly names: string[] = [];
  private readonly uses: number[] = [];
  private readonly unused: number[] = [];

  take(name: string): number {
    const known = this.indexes.get(name);
    if (known !== undefined) {
      this.uses[known] = (this.uses[known] ?? 0) + 1;
      return known;
    }
    const index = this.unused.pop() ?? this.names.length;
    this.names[index] = name;
    this.uses[index] = 1;
    this.indexes.set(name, index);
    return index;
  }

  give(index: number): void {
    const uses = (this.uses[index] ?? 1) - 1;
    this.uses[index] = uses;
    if (uses > 0) return;
    this.indexes.delete(this.name(index));
    this.unused.push(index);
  }

  name(index: number): string {
    return this.names[index] ?? '';
  }
}
