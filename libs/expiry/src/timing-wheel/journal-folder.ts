import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { EngineUnavailable } from '../engine-unavailable';
import { decodeSegmentHeader } from './journal-format';
import { syncFolder } from './journal';
import { segmentName, segmentsIn } from './journal-reader';

/** Where a shard's journal is, within the folder of all of them. */
export const shardFolder = (folder: string, shard: number): string => join(folder, `shard-${shard}`);

/** The right to read and write one shard's journal. */
export interface ShardLock {
  release(): Promise<void>;
}

/**
 * Locks a shard's journal against every other process that uses the same folder; undefined while one has it.
 *
 * The lock is the operating system's, on an open file: it ends with the process, however that ends, so a crashed owner
 * keeps nobody out. A file with a process's number in it would have to be judged by whoever comes next, and two containers
 * that share a volume both have the number 1.
 *
 * @throws EngineUnavailable when the folder cannot be used at all
 */
export async function lockShard(folder: string, shard: number): Promise<ShardLock | undefined> {
  const file = await mkdir(folder, { recursive: true })
    .then(() => open(join(folder, `shard-${shard}.lock`), 'a'))
    .catch((error: unknown) => {
      throw new EngineUnavailable(
        `The folder of the timer journal, ${folder} (HOLDFAST_TIMER_JOURNAL), cannot be used: ${String(error)}`,
        { cause: error },
      );
    });
  if (tryLock(file.fd)) return { release: () => file.close() };
  await file.close();
  return undefined;
}

/** The id of the journal in a shard's folder; undefined when there is none, or its newest segment does not tell. */
export async function journalIdIn(folder: string): Promise<string | undefined> {
  const newest = (await segmentsIn(folder)).at(-1);
  if (newest === undefined) return undefined;
  return decodeSegmentHeader(await readFile(join(folder, segmentName(newest))))?.journalId;
}

/** Where a shard's next journal is written before it takes the place of the present one. */
export const draftFolder = (folder: string, shard: number): string => `${shardFolder(folder, shard)}.draft`;

/** Puts the draft in the place of the journal. A crash in between leaves none, which is rebuilt like any other. */
export async function replaceWithDraft(folder: string, shard: number): Promise<void> {
  const [present, replaced] = [shardFolder(folder, shard), `${shardFolder(folder, shard)}.replaced`];
  await rm(replaced, { recursive: true, force: true });
  await rename(present, replaced).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(draftFolder(folder, shard), present);
  await syncFolder(folder);
  await rm(replaced, { recursive: true, force: true });
}
