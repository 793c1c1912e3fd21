import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, privateRedis, type PrivateServer } from '@holdfast/testing';
import { openRedis, openRedisSubscriber, renewRedis, whenRedisReady, type RedisClient } from './open-redis';
import { loadScript, runScript } from './script';
import { RedisUnavailable } from './unavailable';

const READY_MS = 10_000;

describe('Redis connection', () => {
  let server: PrivateServer;
  let folder: string;
  let client: RedisClient;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
    server = await privateRedis();
    client = openRedis({ url: server.url, connectionName: 'spec', keyPrefix: 'test:' });
    await whenRedisReady(client, READY_MS);
  });

  afterAll(async () => {
    client.disconnect();
    await server.drop();
    await rm(folder, { recursive: true });
  });

  it('runs a script by its hash, also when the server has forgotten it', async () => {
    const file = join(folder, 'append.lua');
    writeFileSync(file, `return redis.call('APPEND', KEYS[1], ARGV[1])`);
    const script = loadScript(file);
    const append = () => runScript(client, script, ['{e}:text'], ['ab']);
    expect(await append()).toBe(2);
    await client.call('SCRIPT', 'FLUSH');
    expect(await Promise.all([append(), append()])).toEqual([4, 6]);
    expect(await client.get('{e}:text')).toBe('ababab');
  });

  it('passes on the error of a wrong script', async () => {
    const file = join(folder, 'wrong.lua');
    writeFileSync(file, `return redis.call('LPUSH', KEYS[1], '1')`);
    await client.set('{e}:plain', 'text');
    const error: unknown = await runScript(client, loadScript(file), ['{e}:plain'], []).catch((e: unknown) => e);
    expect(String(error)).toContain('WRONGTYPE');
  });

  it('gives a silent server up after the command time-out, and connects anew when told', async () => {
    await server.pause();
    const startedAt = performance.now();
    const error: unknown = await client.get('a').catch((e: unknown) => e);
    const tookMs = performance.now() - startedAt;
    const closed = once(client, 'close');
    renewRedis(client);
    await closed;
    await server.resume();
    await whenRedisReady(client, READY_MS);
    expect(String(error)).toContain('Command timed out');
    expect(tookMs).toBeGreaterThan(200);
  });

  it('fails at once while the server is away, keeps its subscriptions, and comes back by itself', async () => {
    const subscriber = openRedisSubscriber({ url: server.url, connectionName: 'spec-subscriber' });
    await subscriber.subscribe('news');
    const lost = Promise.all([once(client, 'close'), once(subscriber, 'close')]);
    await server.kill();
    await lost;

    const errors = await Promise.all([client.get('a'), client.get('b')].map((get) => get.catch((e: unknown) => e)));
    expect(errors).toEqual([expect.any(Error), expect.any(Error)]);

    await server.start();
    await Promise.all([whenRedisReady(client, READY_MS), whenRedisReady(subscriber, READY_MS)]);
    const heard = once(subscriber, 'message');
    // Its subscription is renewed just after the connection is ready: publish until somebody listens.
    await eventually(async () => (await client.publish('news', 'back')) > 0);
    expect(await heard).toEqual(['news', 'back']);
    subscriber.disconnect();
  });

  it('says so when it does not connect in time', async () => {
    const nowhere = openRedis({ url: 'redis://127.0.0.1:1', connectionName: 'spec-nowhere' });
    const error: unknown = await whenRedisReady(nowhere, 100).catch((e: unknown) => e);
    nowhere.disconnect();
    expect(error).toBeInstanceOf(RedisUnavailable);
  });
});
