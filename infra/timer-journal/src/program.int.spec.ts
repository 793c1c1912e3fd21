import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inventoryMigrations } from '@holdfast/inventory';
import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { timerJournalProgram } from './program';

/** More than a page of what is read at once. */
const HOLDS = 2_500;
const EVENTS = 40;

describe('npm run timer-journal', () => {
  let db: TestDatabase;
  let folder: string;

  beforeAll(async () => {
    db = await testDatabase([inventoryMigrations]);
    await db.database.query(
      `INSERT INTO inventory.holds (event_id, hold_id, buyer_id, hold_key, body_hash, seat_ids, seat_count, amount_minor,
                                    held_at, first_deadline, deadline)
       SELECT e.event_id, gen_random_uuid(), 'crowd', n::text, '', '{}', 0, 0, now(), now(), now() + interval '1 hour'
         FROM (SELECT nth, gen_random_uuid() AS event_id FROM generate_series(1, $1::int) nth) e
         JOIN generate_series(1, $2::int) n ON n % $1::int = e.nth - 1`,
      [EVENTS, HOLDS],
    );
  });
  afterAll(() => db.drop());
  beforeEach(async () => {
    process.exitCode = undefined;
    folder = await mkdtemp(join(tmpdir(), 'holdfast-journals-'));
  });
  afterEach(async () => {
    process.exitCode = undefined;
    await rm(folder, { recursive: true });
  });

  async function run(command: string, postgresUrl?: string): Promise<string[]> {
    const lines: string[] = [];
    const program = timerJournalProgram({ folder, postgresUrl }, (text) => lines.push(text));
    await program.parseAsync([command], { from: 'user' });
    return lines;
  }

  async function damage(...shards: number[]): Promise<void> {
    for (const shard of shards) {
      await mkdir(join(folder, `shard-${shard}`));
      for (const name of ['00000001.journal', '00000002.journal']) {
        await writeFile(join(folder, `shard-${shard}`, name), 'not as it was written');
      }
    }
  }

  it('checks every shard, and fails when one is damaged', async () => {
    await damage(2);
    const lines = await run('check');
    expect(lines.filter((line) => line.endsWith('no journal')).length).toBe(3);
    expect(lines[2]).toMatch(/^shard 2: The timer journal .*shard-2 is damaged: 00000001\.journal, the header/);
    expect(process.exitCode).toBe(1);
  });

  it('rebuilds damaged journals from Postgres, every hold in its shard', async () => {
    await damage(0, 1, 2, 3);
    const rebuilt = await run('rebuild', db.url);
    const timers = rebuilt.map((line) => Number(/whole, (\d+) timers, rebuilt from Postgres$/.exec(line)?.[1]));
    expect(timers.reduce((sum, count) => sum + count, 0)).toBe(HOLDS);
    expect(timers.filter((count) => count > 0).length).toBeGreaterThan(1);
    expect(await run('check')).toEqual(rebuilt.map((line) => line.replace(', rebuilt from Postgres', '')));
    expect(await run('rebuild', db.url)).toEqual([`No journal in ${folder} is damaged.`]);
  });

  it('moves them out of the way where Postgres is not known: the worker rebuilds them', async () => {
    await damage(1);
    const [line] = await run('rebuild');
    expect(line).toContain('the expiry-worker rebuilds it from Postgres when it starts');
    expect((await readdir(folder)).filter((name) => !name.endsWith('.lock'))).toEqual(['shard-1.damaged']);
    expect(await run('rebuild')).toEqual([`No journal in ${folder} is damaged.`]);
  });
});
