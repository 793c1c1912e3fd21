import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  BytesInHand,
  problem,
  unavailable,
  type BytesInHandBounds,
  type ProblemCode,
  type ProblemMembers,
} from '@holdfast/http';
import type { CreateEventOutcome } from '@holdfast/inventory';
import { DatabaseUnavailable } from '@holdfast/postgres';

/** Its compiled file, also for tests, which run from the sources: a thread loads what Node itself can read. */
const THREAD = join(__dirname, '..', 'dist', 'event-import-thread.js');

/** For a body of the largest size, of whatever JSON it may be; beyond it the thread ends, and nothing else with it. */
const HEAP_MAX_MB = 1_024;
/**
 * For the next of a row of imports. What the thread took goes back to the system only after it has ended: with ten seconds,
 * a hold-service whose event went on sale at once had 430 MB.
 */
const THREAD_IDLE_MS = 1_000;
/**
 * Of the bodies that are received, wait or are worked on: two of the largest, or five plans of 200,000 seats; of one organiser
 * one of the largest. An organiser who sent the largest without end kept all others out.
 */
export const IMPORT_BYTES_IN_HAND: BytesInHandBounds = {
  max: 128 * 1024 * 1024,
  perCallerMax: 64 * 1024 * 1024,
};

export interface EventImport {
  organiserId: string;
  /** The Idempotency-Key. */
  key: string;
  /** The request's body, JSON as it came; gone for the caller. */
  bytes: Uint8Array;
}

export interface ImportThreadData {
  postgresUrl: string;
}

/** What the thread answers: nothing of a seat. */
export type Imported =
  | CreateEventOutcome
  | { outcome: 'refused'; code: ProblemCode; members: ProblemMembers }
  | { outcome: 'failed'; error: Error; isUnavailable: boolean };

/**
 * Makes events from request bodies in a thread of its own, one at a time: for a plan of 200,000 seats it takes two seconds,
 * in which no hold could be answered. The thread starts with the first import and ends when none comes for a while.
 */
export class EventImports {
  private thread: Worker | undefined;
  private idle: NodeJS.Timeout | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private readonly inHand = new BytesInHand(IMPORT_BYTES_IN_HAND);
  private isClosed = false;

  constructor(private readonly data: ImportThreadData) {}

  /**
   * Creates an event, or finds the one that the same key and body made.
   *
   * @throws Problem `malformed-json`, `validation-failed`, `payload-too-large` for JSON that takes more memory than any plan,
   *   `overloaded` when too much is waiting, of this organiser or of all
   * @throws DatabaseUnavailable
   */
  async create(job: EventImport): Promise<CreateEventOutcome> {
    // The edge counts them too, but only until their caller goes away.
    const letGo = this.inHand.take(job.organiserId, job.bytes.length);
    const turn = this.last.then(() => this.inThread(job)).finally(letGo);
    this.last = turn.catch(() => undefined);
    const imported = await turn;
    switch (imported.outcome) {
      case 'refused':
        throw problem(imported.code, imported.members);
      case 'failed':
        throw imported.isUnavailable ? new DatabaseUnavailable(imported.error) : imported.error;
      case 'created':
      case 'key-reused':
        return imported;
    }
  }

  /** Ends the thread; an import under way is undone. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.endThread();
  }

  private async inThread(job: EventImport): Promise<Imported> {
    if (this.isClosed) throw unavailable('this process, which stops');
    clearTimeout(this.idle);
    const thread = (this.thread ??= this.startThread());
    try {
      const { buffer, byteLength } = job.bytes;
      // Moved, not copied, unless it is a slice of what others use too, as small buffers are.
      thread.postMessage(job, byteLength === buffer.byteLength ? [buffer as ArrayBuffer] : []);
      const [imported] = (await once(thread, 'message')) as [Imported];
      this.idle = setTimeout(() => void this.endThread(), THREAD_IDLE_MS).unref();
      return imported;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
      throw problem('payload-too-large', { detail: 'It takes more memory than a seating plan may.' });
    }
  }

  private startThread(): Worker {
    const resourceLimits = { maxOldGenerationSizeMb: HEAP_MAX_MB };
    const thread = new Worker(THREAD, { workerData: this.data, resourceLimits });
    // The import under way, if any, hears of it by itself; the next one gets another thread.
    thread.on('error', () => (this.thread = undefined));
    return thread;
  }

  private async endThread(): Promise<void> {
    clearTimeout(this.idle);
    const { thread } = this;
    this.thread = undefined;
    await thread?.terminate();
  }
}
