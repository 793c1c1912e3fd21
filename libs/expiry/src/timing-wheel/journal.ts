import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSegmentHeader, RecordDraft, SEGMENT_HEADER_BYTES, type JournalVisitor } from './journal-format';
import { readJournal, segmentName, segmentsIn, type JournalContents, type Segment } from './journal-reader';

/** A segment that has grown past this is followed by the next. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;

/** Finished timers are not waited for: forgotten by a crash, they are looked at once more. They ride with what comes next. */
const LAZY_FLUSH_MS = 100;

/** The disk refused a write: nothing more goes into this journal. What was acknowledged before is safe. */
export class JournalFailed extends Error {
  constructor(folder: string, cause: unknown) {
    super(`The timer journal ${folder} cannot be written: ${String(cause)}`, { cause });
    this.name = 'JournalFailed';
  }
}

/** Entries that go to disk in one record. */
class Batch {
  readonly draft = new RecordDraft();
  settle!: (error?: Error) => void;
  readonly written = new Promise<void>((resolve, reject) => {
    this.settle = (error) => (error ? reject(error) : resolve());
  });

  /** @param firstTimer number of the first timer that it may arm */
  constructor(readonly firstTimer: number) {
    // Whoever waits hears of a failure; where nobody does, the next one will.
    this.written.catch(() => undefined);
  }
}

/**
 * The write-ahead log of one shard's timers. Entries are collected while a write is under way, and go to disk together:
 * one record, one write, one fsync.
 */
export class Journal {
  private batches: Batch[] = [];
  private writing: Promise<void> | undefined;
  private lazily: NodeJS.Timeout | undefined;
  private failure: Error | undefined;

  private constructor(
    private readonly folder: string,
    private file: FileHandle,
    private readonly contents: JournalContents,
    private readonly segmentBytes: number,
  ) {}

  /** An empty journal in a folder that has none. */
  static async create(folder: string, journalId: string, segmentBytes = SEGMENT_BYTES): Promise<Journal> {
    await mkdir(folder, { recursive: true });
    const segment = { sequence: 1, bytes: SEGMENT_HEADER_BYTES, firstTimer: 1 };
    const contents: JournalContents = { journalId, segments: [segment], nextRecord: 1, nextTimer: 1 };
    return new Journal(folder, await beginSegment(folder, contents, segment), contents, segmentBytes);
  }

  /**
   * The journal in a folder, to be continued; the visitor is told what stands in it. Undefined when there is none.
   *
   * @throws JournalDamaged
   */
  static async open(
    folder: string,
    visitor: JournalVisitor,
    segmentBytes = SEGMENT_BYTES,
  ): Promise<Journal | undefined> {
    const contents = await readJournal(folder, visitor);
    if (!contents) return undefined;
    const last = contents.segments.at(-1) ?? contents.segments[0];
    // A segment whose header was torn holds nothing.
    for (const sequence of await segmentsIn(folder)) {
      if (sequence > last.sequence) await rm(join(folder, segmentName(sequence)));
    }
    const file = await open(join(folder, segmentName(last.sequence)), 'r+');
    await closedOnFault(file, async () => {
      await file.truncate(last.bytes);
      await file.datasync();
    });
    return new Journal(folder, file, contents, segmentBytes);
  }

  get id(): string {
    return this.contents.journalId;
  }

  /** Of all segments. */
  get bytes(): number {
    return this.contents.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Timers below this number stand in the oldest segment; undefined while there is only one segment. */
  get oldestEnd(): number | undefined {
    return this.contents.segments[1]?.firstTimer;
  }

  /** Adds timers and answers the number of the first; they are safe once `flush` has resolved. */
  armed(eventId: string, deadline: number, holdIds: readonly string[]): number {
    // Nothing collects in a journal that has failed; `flush` says so.
    if (!this.failure) this.draftFor(holdIds.length).armed(eventId, deadline, holdIds);
    const first = this.contents.nextTimer;
    this.contents.nextTimer += holdIds.length;
    return first;
  }

  /** A timer is finished with. Reaches the disk with the next flush, or a little later by itself. */
  done(number: number): void {
    if (this.failure) return;
    this.draftFor(1).done(number);
    this.lazily ??= setTimeout(() => void this.flush().catch(() => undefined), LAZY_FLUSH_MS);
  }

  /**
   * Resolves when everything added so far is on the disk.
   *
   * @throws JournalFailed
   */
  async flush(): Promise<void> {
    clearTimeout(this.lazily);
    this.lazily = undefined;
    if (this.failure) throw this.failure;
    const last = this.batches.at(-1);
    if (!last) return this.writing;
    this.writing ??= this.write();
    return last.written;
  }

  /** Deletes the oldest segment. The caller has seen to it that no timer in it is still needed, and has flushed. */
  async dropOldest(): Promise<void> {
    const [oldest, next, ...rest] = this.contents.segments;
    if (!next) return;
    this.contents.segments = [next, ...rest];
    await rm(join(this.folder, segmentName(oldest.sequence)));
  }

  /** Writes what is left and lets the file go. */
  async close(): Promise<void> {
    await this.flush().catch(() => undefined);
    await this.writing;
    this.failure ??= new JournalFailed(this.folder, 'it is closed');
    await this.file.close();
  }

  private draftFor(holds: number): RecordDraft {
    let batch = this.batches.at(-1);
    if (!batch?.draft.hasRoomFor(holds)) this.batches.push((batch = new Batch(this.contents.nextTimer)));
    return batch.draft;
  }

  private async write(): Promise<void> {
    try {
      for (let batch = this.batches.shift(); batch; batch = this.batches.shift()) {
        await this.writeRecord(batch).then(
          () => batch?.settle(),
          (error: unknown) => {
            batch?.settle(this.fail(error));
          },
        );
        if (this.failure) return;
      }
    } finally {
      this.writing = undefined;
    }
  }

  private async writeRecord(batch: Batch): Promise<void> {
    let segment = this.contents.segments.at(-1) ?? this.contents.segments[0];
    if (segment.bytes >= this.segmentBytes) segment = await this.rotate(segment.sequence + 1, batch.firstTimer);
    const record = batch.draft.finish(this.contents.nextRecord++);
    await this.file.write(record, 0, record.length, segment.bytes);
    await this.file.datasync();
    segment.bytes += record.length;
  }

  private async rotate(sequence: number, firstTimer: number): Promise<Segment> {
    const segment = { sequence, firstTimer, bytes: SEGMENT_HEADER_BYTES };
    const file = await beginSegment(this.folder, this.contents, segment);
    await this.file.close();
    this.file = file;
    this.contents.segments.push(segment);
    return segment;
  }

  private fail(cause: unknown): Error {
    // After a failed fsync nobody knows what the disk has: to try again would acknowledge what may be lost.
    this.failure = new JournalFailed(this.folder, cause);
    for (const batch of this.batches.splice(0)) batch.settle(this.failure);
    return this.failure;
  }
}

/** A new file with its header, safe on the disk under its name before anything goes into it. */
async function beginSegment(
  folder: string,
  { journalId, nextRecord }: JournalContents,
  { sequence, firstTimer }: Segment,
): Promise<FileHandle> {
  const file = await open(join(folder, segmentName(sequence)), 'wx');
  await closedOnFault(file, async () => {
    await file.write(encodeSegmentHeader({ journalId, firstRecord: nextRecord, firstTimer }));
    await file.sync();
    await syncFolder(folder);
  });
  return file;
}

/** Works on a file that is to stay open, unless that fails: on a disk that is full each try would leave one behind. */
async function closedOnFault(file: FileHandle, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Makes the names in a folder safe: a file that is synced can still lose its name. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
