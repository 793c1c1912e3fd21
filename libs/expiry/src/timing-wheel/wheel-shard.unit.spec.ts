import { link, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import type { DueOutcome, OnDue } from '../expiry-engine';
import type { Timer } from '../timer';
import { Journal } from './journal';
import { lockShard, shardFolder } from './journal-folder';
import { segmentName } from './journal-reader';
import { checkJournals } from './mend-journals';
import { WheelShard } from './wheel-shard';

const EVENT_ID = newId();
const FINISHED: DueOutcome = { again: [] };
const FAR_MS = 3_600_000;
/** Small enough for a test to fill several segments. */
const JOURNAL = { segmentBytes: 2_000, compactBytesMin: 6_000 };

const now = () => performance.timeOrigin + performance.now();
const timer = (inMs: number, holds = 1): Timer => ({
  eventId: EVENT_ID,
  deadline: new Date(Math.round(now()) + inMs),
  holdIds: Array.from({ length: holds }, () => newId()),
});

describe('a shard of the timing wheel', () => {
  let folder: string;
  let open: WheelShard[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-shard-'));
    await (await Journal.create(shardFolder(folder, 0), newId())).close();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((shard) => shard.close()));
    await rm(folder, { recursive: true });
  });

  /** The shard, whose `onDue` answers by `answer` and remembers when it was called. */
  async function openShard(answer: OnDue = () => Promise.resolve(FINISHED)) {
    const calls: { holdIds: string[]; deadline: Date; lateMs: number }[] = [];
    const counts = { due: 0, lookedAgain: 0, hops: 0 };
    const onDue: OnDue = (eventId, holdIds, deadline) => {
      calls.push({ holdIds, deadline, lateMs: now() - deadline.getTime() });
      return answer(eventId, holdIds, deadline);
    };
    const lock = await lockShard(folder, 0);
    if (!lock) throw new Error('somebody has the lock');
    const shard = await WheelShard.open(shardFolder(folder, 0), lock, { now, onDue, counts, journal: JOURNAL });
    if (!shard) throw new Error('there is a journal');
    open.push(shard);
    return { shard, calls, counts };
  }

  async function close(shard: WheelShard): Promise<void> {
    open = open.filter((other) => other !== shard);
    await shard.close();
  }

  it('looks at holds after their deadline, those of one deadline together, and has nothing left of them', async () => {
    const { shard, calls, counts } = await openShard();
    const timers = [timer(30, 3), timer(5), timer(-1_000)];
    await Promise.all(timers.map((each) => shard.arm(each)));
    await eventually(() => shard.size === 0);
    expect(calls.map(({ holdIds }) => holdIds.sort())).toEqual(
      [...timers].reverse().map(({ holdIds }) => holdIds.sort()),
    );
    for (const { lateMs } of calls) expect(lateMs).toBeGreaterThan(0);
    expect(counts).toEqual({ due: 5, lookedAgain: 0, hops: 0 });
    await close(shard);
    expect((await openShard()).shard.size).toBe(0);
  });

  it('restores what was not finished with, and looks at once at what came due meanwhile', async () => {
    const first = await openShard();
    const [short, long] = [timer(50), timer(FAR_MS, 2)];
    await Promise.all([first.shard.arm(short), first.shard.arm(long)]);
    await close(first.shard);
    expect(first.calls).toEqual([]);
    await eventually(() => now() > short.deadline.getTime());

    const { shard, calls } = await openShard();
    await eventually(() => shard.size === 2);
    expect(calls).toMatchObject([short].map(({ holdIds, deadline }) => ({ holdIds, deadline })));
  });

  it('moves an extended hold to its later deadline, in the journal too', async () => {
    const [short, later] = [timer(10, 2), new Date(Math.round(now()) + FAR_MS)];
    const extended = short.holdIds[1] ?? '';
    const first = await openShard(() => Promise.resolve({ again: [{ deadline: later, holdIds: [extended] }] }));
    await first.shard.arm(short);
    await eventually(() => first.shard.size === 1);
    await close(first.shard);
    expect(first.counts).toEqual({ due: 2, lookedAgain: 1, hops: 0 });

    const { shard, calls } = await openShard();
    expect(shard.size).toBe(1);
    await shard.arm(timer(1));
    await eventually(() => calls.length === 1);
    expect(calls[0]?.holdIds).not.toContain(extended);
  });

  it('looks again with growing pauses while the database finds a hold not due, and while it does not answer', async () => {
    const short = timer(0);
    const answers = [
      Promise.resolve({ again: [short] }),
      Promise.reject(new Error('away')),
      Promise.resolve({ again: [short] }),
    ];
    answers[1]?.catch(() => undefined);
    const { shard, calls } = await openShard(() => answers.shift() ?? Promise.resolve(FINISHED));
    await shard.arm(short);
    await eventually(() => shard.size === 0);
    expect(calls.length).toBe(4);
    const gapsMs = calls.slice(1).map(({ lateMs }, nth) => lateMs - (calls[nth]?.lateMs ?? 0));
    [2, 50, 4].forEach((pauseMs, nth) => expect(gapsMs[nth]).toBeGreaterThanOrEqual(pauseMs - 1));
  });

  it('has a timer on the disk when it says so', async () => {
    const { shard } = await openShard();
    await shard.arm(timer(FAR_MS, 7));
    expect((await checkJournals(folder))[0]).toEqual({ shard: 0, state: 'whole', timers: 7 });
  });

  it('frees what is finished with, however long others stay, and a crash while it moves these brings nothing back', async () => {
    const { shard } = await openShard();
    await Promise.all([shard.arm(timer(FAR_MS, 3)), shard.arm(timer(FAR_MS))]);
    const everySegment = join(folder, 'kept');
    await mkdir(everySegment);
    const segments = async () => (await readdir(shardFolder(folder, 0))).sort();
    for (let round = 0; round < 60; round++) {
      await shard.arm(timer(-1, 20));
      for (const name of await segments()) {
        await link(join(shardFolder(folder, 0), name), join(everySegment, name)).catch(() => undefined);
      }
    }
    await eventually(() => shard.size === 4);
    // One more, so that somebody looks at the journal after the last ends.
    await shard.arm(timer(-1));
    const bytesMax = JOURNAL.compactBytesMin + 2 * JOURNAL.segmentBytes;
    await eventually(() => shard.size === 4 && shard.journalBytes <= bytesMax);
    await close(shard);

    // As if it had died between moving what the oldest segment still had and deleting it.
    const oldest = Number.parseInt((await segments())[0] ?? '');
    expect(oldest).toBeGreaterThan(1);
    const dropped = segmentName(oldest - 1);
    await link(join(everySegment, dropped), join(shardFolder(folder, 0), dropped));
    expect((await checkJournals(folder))[0]).toEqual({ shard: 0, state: 'whole', timers: 4 });
    expect((await openShard()).shard.size).toBe(4);
  });

  it('does not acknowledge a timer once it is closed', async () => {
    const { shard } = await openShard();
    await close(shard);
    await expect(shard.arm(timer(FAR_MS))).rejects.toThrow('cannot be written');
  });
});

describe("the lock of a shard's journal", () => {
  it('is given to one at a time, and again after its release', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-lock-'));
    const lock = await lockShard(folder, 0);
    expect(await lockShard(folder, 0)).toBeUndefined();
    const other = await lockShard(folder, 1);
    await lock?.release();
    const again = await lockShard(folder, 0);
    expect(again).toBeDefined();
    await again?.release();
    await other?.release();
    await rm(folder, { recursive: true });
  });

  it('says which setting is wrong where the folder cannot be used', async () => {
    await expect(lockShard('/dev/null/journal', 0)).rejects.toThrow('HOLDFAST_TIMER_JOURNAL');
  });
});
