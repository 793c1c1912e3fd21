import { rename, rm } from 'node:fs/promises';
import { v7 as newId } from 'uuid';
import type { HoldDeadline } from '../expiry-engine';
import { journalIdIn, lockShard, shardFolder, type ShardLock } from './journal-folder';
import type { JournalVisitor } from './journal-format';
import { JournalDamaged, readJournal } from './journal-reader';
import { rebuildJournals } from './rebuild-journals';
import { SHARDS } from './shards';

/** What is found in one shard's folder. */
export interface JournalState {
  shard: number;
  state: 'whole' | 'damaged' | 'none';
  /** Timers not finished with; 0 when it is damaged. */
  timers: number;
  /** What is wrong with a damaged one. */
  fault?: string;
}

/** Reads every shard's journal and changes nothing. A worker may be writing meanwhile: its last record may be missing. */
export async function checkJournals(folder: string): Promise<JournalState[]> {
  return Promise.all(Array.from({ length: SHARDS }, (_, shard) => checkJournal(folder, shard)));
}

/**
 * Writes the damaged journals anew from the holds that Postgres has; whole ones are left alone.
 *
 * @param outstanding every hold that is held, in pages
 * @returns the rebuilt ones, as they are now
 * @throws Error when a worker is using one of the journals
 */
export async function rebuildDamagedJournals(
  folder: string,
  outstanding: AsyncIterable<HoldDeadline[]>,
): Promise<JournalState[]> {
  return withAllLocked(folder, async () => {
    const damaged = (await checkJournals(folder)).filter(({ state }) => state === 'damaged');
    if (damaged.length === 0) return [];
    // Under its old name, when that can still be read, it is the journal that the worker expects to find.
    const targets = await Promise.all(
      damaged.map(async ({ shard }) => ({
        shard,
        journalId: (await journalIdIn(shardFolder(folder, shard))) ?? newId(),
      })),
    );
    await rebuildJournals(folder, targets, outstanding);
    return Promise.all(damaged.map(({ shard }) => checkJournal(folder, shard)));
  });
}

/**
 * Moves the damaged journals out of the way: the worker that takes such a shard over misses its journal and rebuilds it
 * from Postgres by itself.
 *
 * @returns the shards, and where each journal is now
 * @throws Error when a worker is using one of the journals
 */
export async function setDamagedJournalsAside(folder: string): Promise<{ shard: number; aside: string }[]> {
  return withAllLocked(folder, async () => {
    const damaged = (await checkJournals(folder)).filter(({ state }) => state === 'damaged');
    return Promise.all(
      damaged.map(async ({ shard }) => {
        const aside = `${shardFolder(folder, shard)}.damaged`;
        await rm(aside, { recursive: true, force: true });
        await rename(shardFolder(folder, shard), aside);
        return { shard, aside };
      }),
    );
  });
}

async function checkJournal(folder: string, shard: number): Promise<JournalState> {
  let timers = 0;
  let firstTimer = Infinity;
  const done = new Set<number>();
  const visitor: JournalVisitor = {
    armed: (_eventId, _deadline, _ids, _offset, count, first) => {
      firstTimer = Math.min(firstTimer, first);
      timers += count;
    },
    done: (number) => void done.add(number),
  };
  try {
    const contents = await readJournal(shardFolder(folder, shard), visitor);
    if (!contents) return { shard, state: 'none', timers: 0 };
  } catch (error) {
    if (!(error instanceof JournalDamaged)) throw error;
    return { shard, state: 'damaged', timers: 0, fault: error.message };
  }
  // The ends of timers whose segments are gone already count for nothing.
  const ended = [...done].filter((number) => number >= firstTimer).length;
  return { shard, state: 'whole', timers: timers - ended };
}

async function withAllLocked<T>(folder: string, act: () => Promise<T>): Promise<T> {
  const locks: ShardLock[] = [];
  try {
    for (let shard = 0; shard < SHARDS; shard++) {
      const lock = await lockShard(folder, shard);
      if (!lock) throw new Error(`An expiry-worker is using the journals in ${folder}: stop it first.`);
      locks.push(lock);
    }
    return await act();
  } finally {
    await Promise.all(locks.map((lock) => lock.release()));
  }
}
