import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineUnavailable } from '../engine-unavailable';
import {
  decodeSegmentHeader,
  findRecord,
  recordAt,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  visitEntries,
  type JournalVisitor,
  type SegmentHeader,
} from './journal-format';

const SEGMENT_NAME = /^(\d{8})\.journal$/;

export const segmentName = (sequence: number): string => `${String(sequence).padStart(8, '0')}.journal`;

/** A file of the journal, as it stands. */
export interface Segment {
  sequence: number;
  /** Bytes up to the end of the last whole record. */
  bytes: number;
  /** Timers that this segment arms have this number or a later one. */
  firstTimer: number;
}

export interface JournalContents {
  journalId: string;
  /** The oldest first. */
  segments: [Segment, ...Segment[]];
  nextRecord: number;
  nextTimer: number;
}

/**
 * Records in the middle of a journal cannot be read: the disk, or somebody, has changed them. Which timers they held is
 * not known, so none of the journal is used. Postgres knows them all.
 */
export class JournalDamaged extends EngineUnavailable {
  constructor(folder: string, place: string) {
    super(
      `The timer journal ${folder} is damaged: ${place}. None of its timers are used. ` +
        'Stop the expiry-worker, rebuild the journal from Postgres with `npm run -s timer-journal -- rebuild`, and start again.',
    );
  }
}

/**
 * Reads a journal from its first segment to its last. The end of the last one may be torn, by a process or a machine that
 * died while it wrote: that piece was never acknowledged, and it is left out.
 *
 * @returns undefined when there is no journal
 * @throws JournalDamaged when anything else is not as it was written
 */
export async function readJournal(folder: string, visitor: JournalVisitor): Promise<JournalContents | undefined> {
  const sequences = await segmentsIn(folder);
  const contents = { segments: [] as Segment[], nextRecord: 0, nextTimer: 0, journalId: '' };
  for (const [index, sequence] of sequences.entries()) {
    const file = segmentName(sequence);
    const damaged = (place: string) => new JournalDamaged(folder, `${file}, ${place}`);
    const bytes = await readFile(join(folder, file));
    const isLast = index === sequences.length - 1;
    const header = decodeSegmentHeader(bytes);
    if (!header) {
      if (isLast && !hasRecordAfter(bytes, 0, 0)) break;
      throw damaged('the header');
    }
    if (index === 0) Object.assign(contents, { ...startOf(header), journalId: header.journalId });
    if (!follows(contents, header)) throw damaged('which does not go on where the segment before it ends');
    const end = readRecords(bytes, contents, visitor);
    if (end < bytes.length && !(isLast && !hasRecordAfter(bytes, end, contents.nextRecord))) {
      throw damaged(`at byte ${end}, where record ${contents.nextRecord} should be`);
    }
    contents.segments.push({ sequence, bytes: end, firstTimer: header.firstTimer });
  }
  const [first, ...rest] = contents.segments;
  return first && { ...contents, segments: [first, ...rest] };
}

/** The sequence numbers of the segments in a folder, in order; none when there is no folder. */
export async function segmentsIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .map((name) => Number(SEGMENT_NAME.exec(name)?.[1] ?? NaN))
    .filter((sequence) => !Number.isNaN(sequence))
    .sort((one, other) => one - other);
}

type Position = Pick<JournalContents, 'nextRecord' | 'nextTimer'>;

const startOf = ({ firstRecord, firstTimer }: SegmentHeader): Position => ({
  nextRecord: firstRecord,
  nextTimer: firstTimer,
});

const follows = (before: Position & { journalId: string }, header: SegmentHeader): boolean =>
  header.journalId === before.journalId &&
  header.firstRecord === before.nextRecord &&
  header.firstTimer === before.nextTimer;

/** Reads whole records as far as they go, moving the position on; answers where they end. */
function readRecords(segment: Buffer, position: Position, visitor: JournalVisitor): number {
  let at = SEGMENT_HEADER_BYTES;
  for (;;) {
    const record = recordAt(segment, at);
    if (record?.number !== position.nextRecord) return at;
    const nextTimer = visitEntries(record.entries, position.nextTimer, visitor);
    if (nextTimer === undefined) return at;
    position.nextRecord++;
    position.nextTimer = nextTimer;
    at += RECORD_HEADER_BYTES + record.entries.length;
  }
}

/**
 * Whether a whole record, this one or a later one, begins at this place or behind it. A torn end has none: the next record
 * is only written when the one before it is safe.
 */
function hasRecordAfter(segment: Buffer, from: number, fromNumber: number): boolean {
  for (let at = findRecord(segment, from); at >= 0; at = findRecord(segment, at + 1)) {
    const record = recordAt(segment, at);
    if (record && record.number >= fromNumber) return true;
  }
  return false;
}
