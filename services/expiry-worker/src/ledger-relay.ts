import { BackgroundLoop } from '@holdfast/background';
import { ENTRIES_PER_MESSAGE_MAX, type SeatsChanged } from '@holdfast/contracts';
import {
  markPublished,
  numberLedger,
  readUnpublished,
  type LedgerEntry,
  type UnpublishedEntries,
} from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import type { LoggerService } from '@nestjs/common';

const BATCHES_PER_NUMBERING_MAX = 200;
/** Of one event: four messages that are under way together, so that a rush does not wait a round trip for each. */
const ENTRIES_PER_EVENT_MAX = 4 * ENTRIES_PER_MESSAGE_MAX;
/** Read and published together. After RabbitMQ was away every event is behind: all of them at once would fill the memory. */
const EVENTS_PER_PASS_MAX = 50;
/** Commits of the hold-service give no hint: a poll this short keeps news young while there are any. */
const NUMBERING_POLL_MS = 50;
/** With nothing to do the pauses double up to this. */
const IDLE_POLL_MAX_MS = 500;

/**
 * Takes the ledger out to the other services. Numbering gives the entries of an event their gap-free order and never waits
 * for the broker; publishing sends what is numbered, in order per event, and marks what is confirmed. Any number of
 * workers may do it at once: numbering takes turns on the event's counter, publishing may repeat entries, and readers
 * order by `seq` and ignore repeats.
 */
export class LedgerRelay {
  private readonly numbering: BackgroundLoop;
  private readonly publishing: BackgroundLoop;
  private numberingPauseMs = NUMBERING_POLL_MS;

  /**
   * @param publish resolves when the broker has confirmed the message; nobody listening counts as delivered
   * @param published called with the number of entries that were confirmed together
   */
  constructor(
    private readonly database: Database,
    private readonly publish: (message: SeatsChanged) => Promise<void>,
    private readonly published: (entries: number) => void,
    private readonly logger: LoggerService,
  ) {
    this.numbering = new BackgroundLoop('ledger numbering', () => this.numberPass(), logger);
    this.publishing = new BackgroundLoop('ledger publishing', () => this.publishPass(), logger);
  }

  start(): void {
    this.numbering.start();
    this.publishing.start();
  }

  /** There are new entries: look now instead of at the next poll. */
  wake(): void {
    this.numbering.wake();
  }

  /** Ends the loops, then takes out once more what is there. What cannot go out now goes out after the next start. */
  async stop(): Promise<void> {
    await Promise.all([this.numbering.stop(), this.publishing.stop()]);
    try {
      while ((await numberLedger(this.database, { limit: BATCHES_PER_NUMBERING_MAX })) >= BATCHES_PER_NUMBERING_MAX);
      while ((await this.publishPass()) === 0);
    } catch (error) {
      this.logger.warn(`ledger: not all of it went out before the stop, the next start goes on: ${String(error)}`);
    }
  }

  private async numberPass(): Promise<number> {
    const batches = await numberLedger(this.database, { limit: BATCHES_PER_NUMBERING_MAX });
    if (batches > 0) {
      this.numberingPauseMs = NUMBERING_POLL_MS;
      this.publishing.wake();
    } else {
      this.numberingPauseMs = Math.min(this.numberingPauseMs * 2, IDLE_POLL_MAX_MS);
    }
    return batches >= BATCHES_PER_NUMBERING_MAX ? 0 : this.numberingPauseMs;
  }

  private async publishPass(): Promise<number> {
    const unpublished = await readUnpublished(this.database, {
      eventsMax: EVENTS_PER_PASS_MAX,
      entriesPerEventMax: ENTRIES_PER_EVENT_MAX,
    });
    await Promise.all(unpublished.map((ofEvent) => this.publishEntries(ofEvent)));
    const isMoreLeft =
      unpublished.length >= EVENTS_PER_PASS_MAX ||
      unpublished.some(({ entries }) => entries.length >= ENTRIES_PER_EVENT_MAX);
    return isMoreLeft ? 0 : IDLE_POLL_MAX_MS;
  }

  /** Sends in order; from the first message that is not confirmed on, all goes out again with the next pass. */
  private async publishEntries({ eventId, entries }: UnpublishedEntries): Promise<void> {
    const runs = cutIntoRuns(entries);
    const sendings = runs.map((run) =>
      this.publish({ eventId, entries: run.map((entry) => ({ ...entry, at: entry.at.toISOString() })) }),
    );
    const settled = await Promise.allSettled(sendings);
    const lost = settled.findIndex(({ status }) => status === 'rejected');
    const confirmed = (lost < 0 ? runs : runs.slice(0, lost)).flat();
    const last = confirmed.at(-1);
    if (last) {
      await markPublished(this.database, eventId, last.seq);
      this.published(confirmed.length);
    }
    await sendings[lost];
  }
}

/** Each as long as a message may be. */
function cutIntoRuns(entries: LedgerEntry[]): LedgerEntry[][] {
  const runs: LedgerEntry[][] = [];
  for (let from = 0; from < entries.length; from += ENTRIES_PER_MESSAGE_MAX) {
    runs.push(entries.slice(from, from + ENTRIES_PER_MESSAGE_MAX));
  }
  return runs;
}
