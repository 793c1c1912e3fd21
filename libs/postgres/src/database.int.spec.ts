import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { eventually, testDatabase, type TestDatabase } from '@holdfast/testing';
import { DatabaseUnavailable, migrate, openDatabase, type Database, type Transaction } from './index';

let test: TestDatabase;
beforeAll(async () => {
  test = await testDatabase([]);
  await test.database.query('CREATE TABLE marks (id int PRIMARY KEY, n int NOT NULL)');
  await test.database.query('INSERT INTO marks VALUES (1, 0), (2, 0)');
});
afterAll(() => test.drop());

it('runs a transaction again after a deadlock', async () => {
  let firstTries = 0;
  let meet = (): void => undefined;
  const met = new Promise<void>((resolve) => (meet = resolve));
  const bump = (one: number, other: number): Promise<void> => {
    let tries = 0;
    return test.database.transaction(async (tx) => {
      tries++;
      await tx.query('UPDATE marks SET n = n + 1 WHERE id = $1', [one]);
      if (tries === 1 && ++firstTries === 2) meet();
      if (tries === 1) await met;
      await tx.query('UPDATE marks SET n = n + 1 WHERE id = $1', [other]);
    });
  };
  await Promise.all([bump(1, 2), bump(2, 1)]);
  expect(await test.database.query('SELECT n FROM marks ORDER BY id')).toEqual([{ n: 2 }, { n: 2 }]);
});

it('says that Postgres is away, also when it accepts and never answers', async () => {
  const nobody = openDatabase({ url: 'postgres://x@127.0.0.1:1/x', applicationName: 'test' });
  await expect(nobody.query('SELECT 1')).rejects.toBeInstanceOf(DatabaseUnavailable);
  await nobody.close();

  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as { port: number };
  const mute = openDatabase({
    url: `postgres://x@127.0.0.1:${port}/x`,
    applicationName: 'test',
    connectTimeoutMs: 200,
  });
  await expect(mute.query('SELECT 1')).rejects.toBeInstanceOf(DatabaseUnavailable);
  await mute.close();
  silent.close();
});

it('says so when its connection is cut, and works again with the next', async () => {
  const [row] = await test.database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const other = openDatabase({ url: test.url, applicationName: 'test', connectionsMax: 1 });
  const [mine] = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  expect(mine?.pid).not.toBe(row?.pid);
  const cut = other.query('SELECT pg_sleep(5)');
  const refused = expect(cut).rejects.toBeInstanceOf(DatabaseUnavailable);
  await test.database.query('SELECT pg_terminate_backend($1)', [mine?.pid]);
  await refused;
  expect(await other.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await other.close();
});

describe('a transaction whose connection is cut', () => {
  const loseConnection = (pid: unknown) => test.database.query('SELECT pg_terminate_backend($1)', [pid]);

  async function lose(beforeNext: (tx: Transaction, pid: unknown) => Promise<unknown>): Promise<void> {
    const other = openDatabase({ url: test.url, applicationName: 'test', connectionsMax: 1 });
    const lost = other.transaction(async (tx) => {
      const [mine] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await beforeNext(tx, mine?.pid);
      await tx.query('SELECT 1');
    });
    await expect(lost).rejects.toBeInstanceOf(DatabaseUnavailable);
    expect(await other.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await other.close();
  }

  it('says so during a statement, and leaves the process alone', () =>
    lose(async (tx, pid) => {
      const [sleeping] = await Promise.allSettled([tx.query('SELECT pg_sleep(5)'), loseConnection(pid)]);
      if (sleeping.status === 'rejected') throw sleeping.reason;
    }));

  it('says so between two statements, and leaves the process alone', () =>
    lose(async (tx, pid) => {
      await loseConnection(pid);
      // Until the loss is known here: then a statement is refused without being sent.
      await untilGone(pid);
      await setImmediate();
    }));

  async function untilGone(pid: unknown): Promise<void> {
    const isThere = () => test.database.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid]);
    await eventually(async () => (await isThere()).length === 0);
  }
});

it('says so when a statement runs into its time limit', async () => {
  const hasty = openDatabase({ url: test.url, applicationName: 'test', statementTimeoutMs: 50 });
  await expect(hasty.query('SELECT pg_sleep(5)')).rejects.toBeInstanceOf(DatabaseUnavailable);
  await hasty.close();
});

describe('a Postgres that takes no writes', () => {
  const setReadOnly = (value: 'on' | 'DEFAULT') => {
    const name = new URL(test.url).pathname.slice(1);
    return test.database.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = ${value}`);
  };
  let readOnly: Database;
  beforeAll(async () => {
    await setReadOnly('on');
    readOnly = openDatabase({ url: test.url, applicationName: 'test', connectionsMax: 1 });
  });
  afterAll(async () => {
    await readOnly.close();
    await setReadOnly('DEFAULT');
  });

  it('counts as away for a statement that writes', async () => {
    const writing = readOnly.query('UPDATE marks SET n = 0');
    await expect(writing).rejects.toBeInstanceOf(DatabaseUnavailable);
    await expect(readOnly.query('UPDATE marks SET n = 0')).rejects.toThrow(/^Postgres is not available: .*read-only/);
  });

  it('is left for another connection, which may find one that does', async () => {
    let first: unknown;
    const writing = readOnly.transaction(async (tx) => {
      [first] = await tx.query('SELECT pg_backend_pid() AS pid');
      await tx.query('UPDATE marks SET n = 0');
    });
    await expect(writing).rejects.toBeInstanceOf(DatabaseUnavailable);
    expect(await readOnly.query('SELECT pg_backend_pid() AS pid')).not.toEqual([first]);
  });

  it('fails its check, which one that takes them passes', async () => {
    await expect(readOnly.check()).rejects.toBeInstanceOf(DatabaseUnavailable);
    await test.database.check();
  });
});

it('says so when the disk under it fails', async () => {
  const fault = `DO $$ BEGIN RAISE EXCEPTION 'could not write block 7' USING ERRCODE = 'io_error'; END $$`;
  const failed = test.database.query(fault);
  await expect(failed).rejects.toBeInstanceOf(DatabaseUnavailable);
  await expect(failed).rejects.toThrow('Postgres is not available: could not write block 7');
});

it('passes on what is wrong with a statement as it is', async () => {
  await expect(test.database.query('SELECT nonsense')).rejects.toMatchObject({ code: '42703' });
});

describe('migrations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'));

  it('are applied once, in order, and a second run does nothing', async () => {
    writeFileSync(join(folder, '002-b.sql'), 'INSERT INTO things VALUES (1);');
    writeFileSync(join(folder, '001-a.sql'), 'CREATE TABLE things (id int);');
    const set = { name: 'example', folder };
    const both = await Promise.all([migrate(test.url, [set]), migrate(test.url, [set])]);
    expect(both.flat()).toEqual(['example/001-a.sql', 'example/002-b.sql']);
    expect(await test.database.query('SELECT id FROM things')).toEqual([{ id: 1 }]);
  });

  it('leave nothing behind when a file fails, and name it', async () => {
    writeFileSync(join(folder, '003-c.sql'), 'INSERT INTO things VALUES (2); SELECT broken;');
    await expect(migrate(test.url, [{ name: 'example', folder }])).rejects.toThrow('example/003-c.sql');
    expect(await test.database.query('SELECT id FROM things')).toEqual([{ id: 1 }]);
  });

  it('name the file in which the connection was lost', async () => {
    writeFileSync(join(folder, '003-c.sql'), 'SELECT pg_terminate_backend(pg_backend_pid());');
    await expect(migrate(test.url, [{ name: 'example', folder }])).rejects.toThrow(
      'example/003-c.sql failed: terminating connection',
    );
  });
});
