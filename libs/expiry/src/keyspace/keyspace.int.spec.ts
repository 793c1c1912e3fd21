import { openRedis, openRedisSubscriber, whenRedisReady, type RedisClient } from '@holdfast/redis';
import { eventually, privateRedis, type PrivateServer } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { itKeepsTheExpiryContract } from '../engine-contract.spec';
import type { EngineParts } from '../engine-parts';
import type { ExpiryEngine, HoldDeadline } from '../expiry-engine';
import { openEngine, openScheduler } from '../open-engine';
import { redisRig } from '../spec/redis-rig.spec';
import { ExpiredEventsOff, missingFlags } from './expired-events';
import { timerKey } from './timer-key';

const START_MS = 60_000;

describe('the keyspace engine', () => {
  itKeepsTheExpiryContract('keyspace', () => redisRig());
});

describe('the keyspace engine on a Redis of its own', () => {
  let server: PrivateServer;
  let admin: RedisClient;
  const clients: RedisClient[] = [];
  const engines: ExpiryEngine[] = [];

  beforeAll(async () => {
    server = await privateRedis();
    admin = openRedis({ url: server.url, connectionName: 'admin' });
    await whenRedisReady(admin, START_MS);
  }, START_MS);

  afterEach(async () => {
    await Promise.all(engines.splice(0).map((engine) => engine.stop()));
    for (const client of clients.splice(0)) client.disconnect();
    await admin.flushall();
  });

  afterAll(async () => {
    admin.disconnect();
    await server.drop();
  });

  async function parts(url = server.url): Promise<EngineParts> {
    const options = { url, connectionName: 'spec' };
    const commands = openRedis(options);
    clients.push(commands);
    await whenRedisReady(commands, START_MS);
    return { clock: Date, redis: { commands, openSubscriber: () => openRedisSubscriber(options), keyPrefix: '' } };
  }

  async function start(url?: string): Promise<{ engine: ExpiryEngine; due: string[] }> {
    const due: string[] = [];
    const engine = openEngine('keyspace', await parts(url));
    engines.push(engine);
    await engine.start((_eventId, holdIds) => {
      due.push(...holdIds);
      return Promise.resolve({ again: [] });
    });
    return { engine, due };
  }

  const holds = (count: number, ms: number): HoldDeadline[] => {
    const [eventId, deadline] = [newId(), new Date(Date.now() + ms)];
    return Array.from({ length: count }, () => ({ eventId, holdId: newId(), deadline }));
  };

  const flags = async () => ((await admin.config('GET', 'notify-keyspace-events')) as string[])[1];

  it('adds the flags it needs to those that are set, and only once', async () => {
    await admin.config('SET', 'notify-keyspace-events', 'Kg');
    await start();
    expect([...((await flags()) ?? '')].sort()).toEqual(['E', 'K', 'g', 'x']);
    expect(['', 'E', 'Kx', 'AKE', 'xE'].map(missingFlags)).toEqual(['Ex', 'x', 'E', '', '']);
  });

  it('says what to set by hand where it may not configure, and starts where that was done', async () => {
    await admin.config('SET', 'notify-keyspace-events', '');
    await admin.acl(
      'SETUSER',
      'plain',
      'on',
      '>secret-of-plain',
      '~*',
      '&*',
      '+@all',
      '-@admin',
      '-@dangerous',
      '+info',
    );
    const plain = Object.assign(new URL(server.url), { username: 'plain', password: 'secret-of-plain' }).toString();
    await expect(start(plain)).rejects.toThrow(ExpiredEventsOff);
    await expect(start(plain)).rejects.toThrow(/Set notify-keyspace-events to Ex/);
    await admin.config('SET', 'notify-keyspace-events', 'Ex');
    const { engine } = await start(plain);
    expect(engine.counts.due).toBe(0);
  });

  it('puts holds committed together in few keys', async () => {
    const scheduler = await openScheduler('keyspace', await parts());
    scheduler.schedule(holds(120, 60_000));
    await scheduler.close();
    expect((await admin.keys('holdfast:timer:*')).length).toBe(3);
    expect(await admin.zcard('holdfast:timers:pending')).toBe(3);
    const [key = ''] = await admin.keys('holdfast:timer:*');
    expect(await admin.pttl(key)).toBeGreaterThan(50_000);
  });

  it('finds and counts what ran out while it was not listening', async () => {
    const scheduler = await openScheduler('keyspace', await parts());
    scheduler.schedule(holds(7, 1));
    await scheduler.close();
    await eventually(async () => (await admin.keys('holdfast:timer:*')).length === 0);
    const { engine, due } = await start();
    await eventually(() => due.length === 7);
    expect(engine.counts.missed).toBe(7);
    await eventually(async () => (await admin.zcard('holdfast:timers:pending')) === 0);
  });

  it('takes no more of them into memory than it has room for', async () => {
    const overdue = holds(4_600, -1_000).map(({ eventId, holdId, deadline }) => ({
      eventId,
      deadline,
      holdIds: [holdId],
    }));
    const entries = overdue.flatMap((timer) => [timer.deadline.getTime(), timerKey(timer)]);
    await admin.zadd('holdfast:timers:pending', ...entries);
    const engine = openEngine('keyspace', await parts());
    const answers: (() => void)[] = [];
    await engine.start(() => new Promise((resolve) => answers.push(() => resolve({ again: [] }))));
    expect(engine.counts.missed).toBe(4_000);
    for (const answer of answers.splice(0)) answer();
    await eventually(() => {
      for (const answer of answers.splice(0)) answer();
      return engine.counts.due === 4_600;
    });
    await engine.stop();
  });

  it('finds by its fallback what no event told of', async () => {
    const { engine, due } = await start();
    const scheduler = await openScheduler('keyspace', await parts());
    await admin.config('SET', 'notify-keyspace-events', '');
    scheduler.schedule(holds(3, 5));
    await eventually(() => due.length === 3);
    expect(engine.counts).toMatchObject({ recovered: 3, missed: 0 });
    await scheduler.close();
  });

  it('finds by its fallback the timers whose keys were evicted, of which no event tells', async () => {
    const { engine, due } = await start();
    const scheduler = await openScheduler('keyspace', await parts());
    scheduler.schedule(holds(120, 1_000));
    await scheduler.close();
    const evicted = (await admin.keys('holdfast:timer:*')).map((key) => admin.unlink(key));
    expect(await Promise.all(evicted)).toEqual([1, 1, 1]);
    await eventually(() => due.length === 120);
    expect(engine.counts).toMatchObject({ recovered: 120, missed: 0 });
  });

  it(
    'listens again after Redis was restarted, with its settings lost',
    async () => {
      const { due } = await start();
      await server.stop();
      await server.start();
      await eventually(async () => /E/.test((await flags().catch(() => '')) ?? ''));
      const scheduler = await openScheduler('keyspace', await parts());
      scheduler.schedule(holds(2, 20));
      await eventually(() => due.length === 2);
      await scheduler.close();
    },
    START_MS,
  );
});
