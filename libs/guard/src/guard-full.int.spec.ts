import { Metrics } from '@holdfast/observability';
import { openRedis, whenRedisReady, type RedisClient } from '@holdfast/redis';
import { eventually, privateRedis, type PrivateServer } from '@holdfast/testing';
import { Guard } from './guard';
import { guardOwner } from './owner';

const READY_MS = 10_000;
const HOLD_MS = 600_000;
const SEATS = 20_000;
const SEATS_PER_HOLD = 10;
/** Above what an empty Redis takes, and enough for about a third of the seats. */
const ROOM_BYTES = 2_000_000;

describe('the guard on a Redis that is full', () => {
  const ana = guardOwner('ana', 'k1');
  const ben = guardOwner('ben', 'k1');
  let server: PrivateServer;
  let redis: RedisClient;
  /** Of its own: the guard connects anew when Redis fails it. */
  let admin: RedisClient;
  let guard: Guard;

  beforeAll(async () => {
    server = await privateRedis();
    redis = openRedis({ url: server.url, connectionName: 'guard-full-spec', commandTimeoutMs: READY_MS });
    guard = new Guard({ redis, metrics: new Metrics({ service: 'spec' }) });
    admin = openRedis({ url: server.url, connectionName: 'admin' });
    await Promise.all([redis, admin].map((client) => whenRedisReady(client, READY_MS)));
  });

  afterEach(async () => {
    await admin.config('SET', 'maxmemory', '0');
    await admin.flushall();
  });

  afterAll(async () => {
    for (const client of [redis, admin]) client.disconnect();
    await server.drop();
  });

  const usedBytes = async () => Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
  const evictedKeys = async () => Number(/evicted_keys:(\d+)/.exec(await admin.info('stats'))?.[1]);
  const hold = async (seatIds: string[], holdId: string) => [
    await guard.claim('e', ana, seatIds),
    await guard.confirm('e', ana, { holdId, seatIds, msLeft: HOLD_MS }),
  ];

  it('has a bound by itself, and a policy that only touches keys with an end', async () => {
    expect(await admin.config('GET', 'maxmemory')).toEqual(['maxmemory', String(512 * 2 ** 20)]);
    expect(await admin.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'volatile-lru']);
  });

  it('takes every seat and refuses the latest, while those nobody asked for in long make room', async () => {
    await admin.config('SET', 'maxmemory', (await usedBytes()) + ROOM_BYTES);
    await admin.set('of-somebody-else', 'without an end');
    const evictedBefore = await evictedKeys();
    let last: string[] = [];
    for (let first = 0; first < SEATS; first += SEATS_PER_HOLD) {
      last = Array.from({ length: SEATS_PER_HOLD }, (_, nth) => `A${first + nth}`);
      expect(await hold(last, `h-${first}`)).toEqual([{ claimed: true }, true]);
    }
    expect(await evictedKeys()).toBeGreaterThan(evictedBefore);
    expect(await guard.claim('e', ben, last)).toMatchObject({ claimed: false });
    expect(await admin.get('of-somebody-else')).toBe('without an end');
  });

  it('leaves every request to Postgres while Redis answers OOM, and guards again when there is room', async () => {
    expect(await hold(['B1'], 'h-b')).toEqual([{ claimed: true }, true]);
    // Nothing but a key without an end is left, so nothing can make room.
    await admin.persist('holdfast:{e}:seat:B1');
    await admin.config('SET', 'maxmemory', '1');
    await expect(admin.set('any', '')).rejects.toThrow(/^OOM/);

    for (let nth = 0; nth < 100; nth++) {
      expect(await guard.claim('e', ben, [`C${nth}`])).toEqual({ claimed: 'unguarded' });
    }
    expect(await guard.confirm('e', ben, { holdId: 'h-c', seatIds: ['C1'], msLeft: HOLD_MS })).toBe(false);
    expect(await guard.applyLedger('e', [{ kind: 'released', seatId: 'B1', holdId: 'h-b' }])).toBe(false);

    await admin.config('SET', 'maxmemory', '0');
    await eventually(async () => (await guard.claim('e', ben, ['C1'])).claimed === true);
    expect(await guard.claim('e', ana, ['C1'])).toMatchObject({ claimed: false });
  });
});
