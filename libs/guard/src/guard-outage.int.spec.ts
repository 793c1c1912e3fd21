import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Metrics } from '@holdfast/observability';
import { openRedis, whenRedisReady, type RedisClient } from '@holdfast/redis';
import { eventually, privateRedis, type PrivateServer } from '@holdfast/testing';
import { Guard } from './guard';
import { guardOwner } from './owner';

const READY_MS = 10_000;

describe('guard without Redis', () => {
  const metrics = new Metrics({ service: 'spec' });
  const ana = guardOwner('ana', 'k1');
  let server: PrivateServer;
  let redis: RedisClient;
  let guard: Guard;
  const logged: unknown[][] = [];
  const log = { info: (...line: unknown[]) => logged.push(line), warn: (...line: unknown[]) => logged.push(line) };

  beforeAll(async () => {
    server = await privateRedis();
    redis = openRedis({ url: server.url, connectionName: 'guard-outage-spec' });
    guard = new Guard({ redis, metrics, log });
    await whenRedisReady(redis, READY_MS);
  });

  afterAll(async () => {
    redis.disconnect();
    await server.drop();
  });

  it('lets every request through at once while Redis is stopped, and guards again by itself', async () => {
    expect(await guard.claim('e', ana, ['A1'])).toEqual({ claimed: true });
    const lost = once(redis, 'close');
    await server.kill();
    await lost;

    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, i) => guard.claim('e', ana, [`B${i}`])));
    expect(outcomes.every(({ claimed }) => claimed === 'unguarded')).toBe(true);
    expect(await guard.confirm('e', ana, { holdId: 'h', seatIds: ['A1'], msLeft: 1_000 })).toBe(false);
    expect(await guard.applyLedger('e', [{ kind: 'released', seatId: 'A1', holdId: 'h' }])).toBe(false);

    await server.start();
    await guardsAgain();
    expect(await metrics.text()).toMatch(/guard_claims_total\{outcome="unguarded",service="spec"\} 1\d\d/);
    expect(await metrics.text()).toContain('holdfast_guard_lost_updates_total{verb="confirm",service="spec"} 1');
  });

  it('waits for a silent Redis only until the circuit opens, and then not at all', async () => {
    await server.pause();
    try {
      // One a turn: claims of one turn share a script, and so count as one failure.
      const asking: ReturnType<Guard['claim']>[] = [];
      for (let turn = 0; turn < 10; turn++) {
        asking.push(guard.claim('e', ana, ['C1']));
        await nextTurn();
      }
      const first = await Promise.all(asking);
      const asked = jest.spyOn(redis, 'evalsha');
      const next = await Promise.all(Array.from({ length: 100 }, () => guard.claim('e', ana, ['C1'])));
      expect(asked).not.toHaveBeenCalled();
      expect([...first, ...next].every(({ claimed }) => claimed === 'unguarded')).toBe(true);
    } finally {
      await server.resume();
    }
    await guardsAgain();
  });

  it('says why once when Redis refuses its scripts, and once when it takes them again', async () => {
    logged.length = 0;
    const refusing = jest.spyOn(redis, 'evalsha').mockRejectedValue(new Error('NOPERM no permission'));
    // Past the pause after the circuit opened, one call tries again, and it opens anew.
    while (refusing.mock.calls.length < 7) {
      await guard.claim('e', ana, ['E1']);
      await nextTurn();
    }
    refusing.mockRestore();
    await guardsAgain();
    expect(logged).toEqual([
      [{ reason: 'Error: NOPERM no permission' }, expect.any(String)],
      [{}, expect.any(String)],
    ]);
  });

  it('guards on after Redis lost its data and its scripts', async () => {
    await guard.claim('e', ana, ['D1']);
    await redis.flushall();
    await redis.call('SCRIPT', 'FLUSH');
    expect(await guard.confirm('e', ana, { holdId: 'h-d', seatIds: ['D1'], msLeft: 60_000 })).toBe(true);
    expect(await guard.claim('e', guardOwner('ben', 'k1'), ['D1'])).toMatchObject({ claimed: false });
  });

  async function guardsAgain(): Promise<void> {
    await eventually(async () => (await guard.claim('e', ana, ['Z1'])).claimed === true);
  }
});
