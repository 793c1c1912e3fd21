import { crc32 } from 'node:zlib';
import { ID_BYTES, readId, writeId } from './id-bytes';

/*
 * A segment is a file: a header, then records. A record is what one write and one fsync made durable together, so only the
 * last one of a journal can be torn, and it is torn as a whole.
 *
 *   segment header  "HFj1"  journal id 16  first record 6  first timer 6                        crc32 4
 *   record          f5 "hfr"  length 4  record number 6  crc32 4  entries, `length` bytes
 *   armed entry     1  event id 16  deadline 8 (ms since the epoch, double)  count 2  hold ids, 16 each
 *   done entry      2  count 2  timer numbers, 6 each
 *
 * All numbers are big-endian. Records and timers (one a hold) are numbered through the whole journal: a timer's number is
 * told by its place, and a piece that is missing between two records shows in the numbers.
 */
const SEGMENT_MAGIC = Buffer.from('HFj1', 'latin1');
const RECORD_MAGIC = Buffer.from('\xf5hfr', 'latin1');
const NUMBER_BYTES = 6;
const CRC_BYTES = 4;
export const SEGMENT_HEADER_BYTES = SEGMENT_MAGIC.length + ID_BYTES + 2 * NUMBER_BYTES + CRC_BYTES;
export const RECORD_HEADER_BYTES = RECORD_MAGIC.length + 4 + NUMBER_BYTES + CRC_BYTES;
const RECORD_CRC_AT = RECORD_HEADER_BYTES - CRC_BYTES;

/** A record longer than this was never written. */
const RECORD_BYTES_MAX = 4 * 1024 * 1024;
const RECORD_BYTES_FIRST = 16 * 1024;

const ARMED = 1;
const ARMED_HEADER_BYTES = 1 + ID_BYTES + 8 + 2;
const DONE = 2;
const DONE_HEADER_BYTES = 1 + 2;
const COUNT_MAX = 0xffff;

export interface SegmentHeader {
  journalId: string;
  /** Number of the first record and of the first timer that may stand in the segment. */
  firstRecord: number;
  firstTimer: number;
}

export function encodeSegmentHeader({ journalId, firstRecord, firstTimer }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  SEGMENT_MAGIC.copy(bytes);
  writeId(journalId, bytes, SEGMENT_MAGIC.length);
  const at = SEGMENT_MAGIC.length + ID_BYTES;
  bytes.writeUIntBE(firstRecord, at, NUMBER_BYTES);
  bytes.writeUIntBE(firstTimer, at + NUMBER_BYTES, NUMBER_BYTES);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -CRC_BYTES)), SEGMENT_HEADER_BYTES - CRC_BYTES);
  return bytes;
}

/** Undefined when it is none. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  const crcAt = SEGMENT_HEADER_BYTES - CRC_BYTES;
  if (crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32BE(crcAt)) return undefined;
  if (!bytes.subarray(0, SEGMENT_MAGIC.length).equals(SEGMENT_MAGIC)) return undefined;
  const at = SEGMENT_MAGIC.length + ID_BYTES;
  return {
    journalId: readId(bytes, SEGMENT_MAGIC.length),
    firstRecord: bytes.readUIntBE(at, NUMBER_BYTES),
    firstTimer: bytes.readUIntBE(at + NUMBER_BYTES, NUMBER_BYTES),
  };
}

/** One record while it is being filled. */
export class RecordDraft {
  private bytes = Buffer.alloc(RECORD_BYTES_FIRST);
  private end = RECORD_HEADER_BYTES;
  /** Where the count of the done entry that is being extended stands; entries that follow each other share one. */
  private doneAt: number | undefined;

  get isEmpty(): boolean {
    return this.end === RECORD_HEADER_BYTES;
  }

  /** Whether an entry of so many holds has room. */
  hasRoomFor(holds: number): boolean {
    return this.end + ARMED_HEADER_BYTES + holds * ID_BYTES <= RECORD_HEADER_BYTES + RECORD_BYTES_MAX;
  }

  armed(eventId: string, deadline: number, holdIds: readonly string[]): void {
    let at = this.extend(ARMED_HEADER_BYTES + holdIds.length * ID_BYTES);
    this.doneAt = undefined;
    at = this.bytes.writeUInt8(ARMED, at);
    writeId(eventId, this.bytes, at);
    at = this.bytes.writeDoubleBE(deadline, at + ID_BYTES);
    at = this.bytes.writeUInt16BE(holdIds.length, at);
    for (const holdId of holdIds) {
      writeId(holdId, this.bytes, at);
      at += ID_BYTES;
    }
  }

  done(number: number): void {
    if (this.doneAt === undefined || this.bytes.readUInt16BE(this.doneAt) === COUNT_MAX) {
      const at = this.extend(DONE_HEADER_BYTES);
      this.bytes.writeUInt8(DONE, at);
      this.doneAt = at + 1;
      this.bytes.writeUInt16BE(0, this.doneAt);
    }
    const at = this.extend(NUMBER_BYTES);
    this.bytes.writeUIntBE(number, at, NUMBER_BYTES);
    this.bytes.writeUInt16BE(this.bytes.readUInt16BE(this.doneAt) + 1, this.doneAt);
  }

  /** The whole record. The draft must not be used afterwards. */
  finish(recordNumber: number): Buffer {
    const record = this.bytes.subarray(0, this.end);
    RECORD_MAGIC.copy(record);
    let at = record.writeUInt32BE(this.end - RECORD_HEADER_BYTES, RECORD_MAGIC.length);
    at = record.writeUIntBE(recordNumber, at, NUMBER_BYTES);
    record.writeUInt32BE(crcOf(record), at);
    return record;
  }

  private extend(byBytes: number): number {
    const at = this.end;
    this.end += byBytes;
    if (this.end > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(this.end, this.bytes.length * 2));
      this.bytes.copy(larger);
      this.bytes = larger;
    }
    return at;
  }
}

/** Told what stands in a journal, in its order. */
export interface JournalVisitor {
  /** Holds at `ids[offset ...]`, 16 bytes each, numbered from `firstNumber` on. */
  armed(eventId: string, deadline: number, ids: Buffer, offset: number, count: number, firstNumber: number): void;
  /** A timer that will not be needed again. One that nobody has armed stood in a segment that is gone. */
  done(number: number): void;
}

/** Whether a whole record with a right checksum begins here; answers its number and its entries. */
export function recordAt(segment: Buffer, at: number): { number: number; entries: Buffer } | undefined {
  if (at + RECORD_HEADER_BYTES > segment.length) return undefined;
  if (RECORD_MAGIC.compare(segment, at, at + RECORD_MAGIC.length) !== 0) return undefined;
  const length = segment.readUInt32BE(at + RECORD_MAGIC.length);
  const end = at + RECORD_HEADER_BYTES + length;
  if (length > RECORD_BYTES_MAX || end > segment.length) return undefined;
  const record = segment.subarray(at, end);
  if (crcOf(record) !== record.readUInt32BE(RECORD_CRC_AT)) return undefined;
  return {
    number: record.readUIntBE(RECORD_MAGIC.length + 4, NUMBER_BYTES),
    entries: record.subarray(RECORD_HEADER_BYTES),
  };
}

/** Where a record might begin, at this place or behind it; -1 when nowhere. */
export const findRecord = (segment: Buffer, from: number): number => segment.indexOf(RECORD_MAGIC, from);

/**
 * Tells the visitor a record's entries; all of them, or none when they do not fill the record exactly.
 *
 * @param firstTimer the number of the first hold that is armed here
 * @returns the number of the next one; undefined when they do not
 */
export function visitEntries(entries: Buffer, firstTimer: number, visitor: JournalVisitor): number | undefined {
  if (!isWhole(entries)) return undefined;
  let timer = firstTimer;
  for (let at = 0; at < entries.length;) {
    const end = entryEnd(entries, at);
    if (entries.readUInt8(at) === ARMED) {
      const deadline = entries.readDoubleBE(at + 1 + ID_BYTES);
      const count = entries.readUInt16BE(at + ARMED_HEADER_BYTES - 2);
      visitor.armed(readId(entries, at + 1), deadline, entries, at + ARMED_HEADER_BYTES, count, timer);
      timer += count;
    } else {
      for (let number = at + DONE_HEADER_BYTES; number < end; number += NUMBER_BYTES) {
        visitor.done(entries.readUIntBE(number, NUMBER_BYTES));
      }
    }
    at = end;
  }
  return timer;
}

function isWhole(entries: Buffer): boolean {
  let at = 0;
  while (at < entries.length) at = entryEnd(entries, at);
  return at === entries.length;
}

/** Where the entry that begins here ends; past the end of everything when it is none. */
function entryEnd(entries: Buffer, at: number): number {
  const kind = entries.readUInt8(at);
  const headerBytes = kind === ARMED ? ARMED_HEADER_BYTES : DONE_HEADER_BYTES;
  if ((kind !== ARMED && kind !== DONE) || at + headerBytes > entries.length) return Infinity;
  const count = entries.readUInt16BE(at + headerBytes - 2);
  return at + headerBytes + count * (kind === ARMED ? ID_BYTES : NUMBER_BYTES);
}

/** Of everything but the mark and the checksum itself. */
function crcOf(record: Buffer): number {
  const fields = record.subarray(RECORD_MAGIC.length, RECORD_CRC_AT);
  return crc32(record.subarray(RECORD_HEADER_BYTES), crc32(fields));
}
