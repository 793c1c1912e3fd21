import { rm } from 'node:fs/promises';
import type { HoldDeadline } from '../expiry-engine';
import { Journal } from './journal';
import { draftFolder, replaceWithDraft } from './journal-folder';
import { shardOf } from './shards';
import { inTimerGroups } from './timer-groups';

export interface RebuildTarget {
  shard: number;
  /** The id of the new journal. */
  journalId: string;
}

/**
 * Writes the journals of some shards anew, from the holds that Postgres has, in one reading. The caller has locked them.
 *
 * @param outstanding every hold that is held, of all shards, in pages
 * @returns how many timers each shard has now
 */
export async function rebuildJournals(
  folder: string,
  targets: readonly RebuildTarget[],
  outstanding: AsyncIterable<HoldDeadline[]>,
): Promise<Map<number, number>> {
  const timers = new Map(targets.map(({ shard }) => [shard, 0]));
  const journals = new Map<number, Journal>();
  try {
    for (const { shard, journalId } of targets) {
      const draft = draftFolder(folder, shard);
      await rm(draft, { recursive: true, force: true });
      journals.set(shard, await Journal.create(draft, journalId));
    }
    for await (const page of outstanding) {
      const groups = inTimerGroups(page, ({ eventId, deadline }) => ({ eventId, deadline: deadline.getTime() }));
      for (const { eventId, deadline, held } of groups) {
        const shard = shardOf(eventId);
        const holdIds = held.map(({ holdId }) => holdId);
        journals.get(shard)?.armed(eventId, deadline, holdIds);
        const known = timers.get(shard);
        if (known !== undefined) timers.set(shard, known + holdIds.length);
      }
      await Promise.all([...journals.values()].map((journal) => journal.flush()));
    }
  } finally {
    await Promise.all([...journals.values()].map((journal) => journal.close()));
  }
  for (const { shard } of targets) await replaceWithDraft(folder, shard);
  return timers;
}
