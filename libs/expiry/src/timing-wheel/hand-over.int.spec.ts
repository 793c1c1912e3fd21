import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import type { EngineRig } from '../engine-contract.spec';
import type { ExpiryEngine, ExpiryScheduler, HoldDeadline } from '../expiry-engine';
import { openEngine, openScheduler } from '../open-engine';
import { rabbitmqRig } from '../spec/rabbitmq-rig.spec';
import { shardFolder } from './journal-folder';
import { checkJournals, rebuildDamagedJournals, setDamagedJournalsAside } from './mend-journals';
import { shardOf } from './shards';

const EVENT_ID = newId();
const FAR_MS = 3_600_000;
const clock = { now: () => performance.timeOrigin + performance.now() };

const holdsIn = (...ms: number[]): HoldDeadline[] =>
  ms.map((inMs) => ({ eventId: EVENT_ID, holdId: newId(), deadline: new Date(Math.round(clock.now()) + inMs) }));
const idsOf = (holds: HoldDeadline[]) => holds.map(({ holdId }) => holdId);

/** What Postgres would answer. */
async function* pages(holds: HoldDeadline[]): AsyncIterable<HoldDeadline[]> {
  await Promise.resolve();
  for (const hold of holds) yield [hold];
}

/** No sweeper and no database here: whatever is looked at, the hand-over has brought it. */
describe('the shards of the timing wheel are handed over', () => {
  let rig: EngineRig;
  let root: string;
  let scheduler: ExpiryScheduler;
  const engines: ExpiryEngine[] = [];

  beforeEach(async () => {
    [rig, root] = await Promise.all([rabbitmqRig(), mkdtemp(join(tmpdir(), 'holdfast-hand-over-'))]);
    scheduler = await openScheduler('timing-wheel', { ...(await rig.connect('hold-side')).parts, clock });
  });
  afterEach(async () => {
    await Promise.all(engines.splice(0).map((engine) => engine.stop()));
    await scheduler.close();
    await rig.close();
    await rm(root, { recursive: true });
  });

  /** A worker on a folder, with what Postgres would answer it; undefined where it must not be asked. */
  async function startWorker(folder: string, outstanding?: HoldDeadline[]) {
    const looked: string[] = [];
    const said: string[] = [];
    const log = (_fields: object, message: string) => void said.push(message);
    const engine = openEngine('timing-wheel', {
      ...(await rig.connect('worker')).parts,
      clock,
      timingWheel: { journalFolder: join(root, folder) },
      log: { info: log, warn: log },
      holds: {
        readDue: () => Promise.reject(new Error('the timing wheel does not ask what is due')),
        readOutstanding: () => {
          if (!outstanding) throw new Error('Postgres was asked');
          return pages(outstanding);
        },
      },
    });
    engines.push(engine);
    await engine.start((_eventId, holdIds) => {
      looked.push(...holdIds);
      return Promise.resolve({ again: [] });
    });
    return { engine, looked, said };
  }

  const journalled = async (folder: string) =>
    (await checkJournals(join(root, folder))).reduce((sum, { timers }) => sum + timers, 0);

  /** Schedules holds with a worker that stops when it has them in its journal. */
  async function journal(folder: string, ...batches: HoldDeadline[][]): Promise<void> {
    const { engine } = await startWorker(folder, []);
    for (const [nth, holds] of batches.entries()) {
      scheduler.schedule(holds);
      const expected = batches.slice(0, nth + 1).flat().length;
      await eventually(async () => (await journalled(folder)) === expected);
    }
    await engine.stop();
  }

  async function segmentOf(folder: string): Promise<string> {
    const shard = shardFolder(join(root, folder), shardOf(EVENT_ID));
    return join(shard, (await readdir(shard)).sort().at(-1) ?? '');
  }

  it('to the same folder by its journal: Postgres is not asked', async () => {
    const [soon, far] = [holdsIn(1_500, 1_500), holdsIn(FAR_MS)];
    await journal('shared', [...soon, ...far]);
    const { looked, said } = await startWorker('shared');
    await eventually(() => looked.length === 2);
    expect(looked.sort()).toEqual(idsOf(soon).sort());
    await eventually(async () => (await journalled('shared')) === 1);
    expect(said).not.toContainEqual(expect.stringContaining('Postgres'));
  });

  it('to another disk from what Postgres has, without what ended meanwhile', async () => {
    const [soon, ended, far] = [holdsIn(1_500), holdsIn(1_500), holdsIn(FAR_MS)];
    await journal('first', [...soon, ...ended, ...far]);
    const { looked, said } = await startWorker('second', [...soon, ...far]);
    await eventually(() => looked.length === 1);
    expect(looked).toEqual(idsOf(soon));
    expect(said).toContain('Took over a shard of the timing wheel, from Postgres');
    await eventually(async () => (await journalled('second')) === 1);
  });

  it('back to a disk that has missed a time: its old journal is not believed', async () => {
    const [before, meanwhile] = [holdsIn(FAR_MS), holdsIn(2_500)];
    await journal('first', before);
    const second = await startWorker('second', before);
    scheduler.schedule(meanwhile);
    await eventually(async () => (await journalled('second')) === 2);
    await second.engine.stop();

    const { looked } = await startWorker('first', [...before, ...meanwhile]);
    await eventually(() => looked.length === 1);
    expect(looked).toEqual(idsOf(meanwhile));
  });

  it('to a worker that stands by on the same folder, when the owner goes', async () => {
    const [soon, far] = [holdsIn(2_500), holdsIn(FAR_MS)];
    const owner = await startWorker('shared', []);
    scheduler.schedule([...soon, ...far]);
    await eventually(async () => (await journalled('shared')) === 2);
    const other = await startWorker('shared');
    await owner.engine.stop();
    await eventually(() => other.looked.length === 1);
    expect(other.looked).toEqual(idsOf(soon));
    expect(other.said).toContain('Took over a shard of the timing wheel, from its journal');
  });

  it('when the engine is switched on, with the holds that are outstanding then', async () => {
    const outstanding = holdsIn(600, FAR_MS);
    const { looked } = await startWorker('first', outstanding);
    await eventually(() => looked.length === 1);
    expect(looked).toEqual(idsOf(outstanding).slice(0, 1));
  });

  it('after a crash in the middle of a write: without the record that was cut', async () => {
    const [soon, cut] = [holdsIn(2_000), holdsIn(2_000)];
    await journal('first', soon, cut);
    const segment = await segmentOf('first');
    await truncate(segment, (await readFile(segment)).length - 5);
    const { looked } = await startWorker('first');
    await eventually(() => looked.length === 1);
    expect(looked).toEqual(idsOf(soon));
  });

  describe('but not when the middle of the journal was changed', () => {
    const holds = holdsIn(FAR_MS, FAR_MS, FAR_MS);

    beforeEach(async () => {
      await journal('first', ...holds.map((hold) => [hold]));
      const segment = await segmentOf('first');
      const bytes = await readFile(segment);
      bytes[70] = (bytes[70] ?? 0) ^ 1;
      await writeFile(segment, bytes);
    });

    it('the worker refuses to start, and says how to mend it', async () => {
      await expect(startWorker('first')).rejects.toThrow(
        /is damaged: 00000001\.journal, at byte 36.*npm run -s timer-journal -- rebuild/,
      );
      expect((await checkJournals(join(root, 'first'))).map(({ state }) => state)).toContain('damaged');
    });

    it('it starts with the journal that was rebuilt', async () => {
      const folder = join(root, 'first');
      expect(await rebuildDamagedJournals(folder, pages(holds))).toMatchObject([{ state: 'whole', timers: 3 }]);
      const { said, looked } = await startWorker('first');
      scheduler.schedule(holdsIn(100));
      await eventually(() => looked.length === 1);
      expect(said).toEqual(['Restored a shard of the timing wheel']);
      expect(await journalled('first')).toBeGreaterThanOrEqual(3);
    });

    it('it rebuilds the journal itself when the damaged one was moved away', async () => {
      expect(await setDamagedJournalsAside(join(root, 'first'))).toMatchObject([{ shard: shardOf(EVENT_ID) }]);
      await startWorker('first', holds);
      await eventually(async () => (await journalled('first')) === 3);
    });

    it('nobody mends it under a running worker', async () => {
      await startWorker('other', []);
      await eventually(async () => (await checkJournals(join(root, 'other'))).every(({ state }) => state === 'whole'));
      await expect(rebuildDamagedJournals(join(root, 'other'), pages([]))).rejects.toThrow('stop it first');
    });
  });
});
