import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Metrics } from '@holdfast/observability';
import { openRedis, whenRedisReady, type RedisClient } from '@holdfast/redis';
import { endProcess, eventually, freePort } from '@holdfast/testing';
import { Guard } from './guard';
import { guardOwner } from './owner';

const NODES = 3;
const READY_MS = 30_000;
const DEADLINE_MS = 600_000;

const run = promisify(execFile);
const ana = guardOwner('ana', 'k1');
const ben = guardOwner('ben', 'k1');

describe('guard on a Redis Cluster of three nodes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
  const nodes: ChildProcess[] = [];
  let redis: RedisClient;
  let guard: Guard;

  beforeAll(async () => {
    const ports = await Promise.all(Array.from({ length: NODES }, freePort));
    for (const port of ports) {
      const cluster = ['--cluster-enabled', 'yes', '--cluster-config-file', `${port}.conf`];
      const settings = ['--port', `${port}`, '--cluster-port', `${await freePort()}`, ...cluster];
      nodes.push(spawn('redis-server', [...settings, '--save', '', '--dir', folder], { stdio: 'ignore' }));
    }
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    await untilDone(() => Promise.all(ports.map((port) => run('redis-cli', ['-p', `${port}`, 'PING']))));
    await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
    redis = openRedis({ url: `redis://${addresses.join(',')}`, connectionName: 'spec', commandTimeoutMs: 5_000 });
    await whenRedisReady(redis, READY_MS);
    guard = new Guard({ redis, metrics: new Metrics({ service: 'spec' }) });
    await untilDone(async () => {
      if ((await guard.claim(randomUUID(), ana, ['ready'])).claimed !== true) throw new Error('not yet');
    });
  }, 2 * READY_MS);

  afterAll(async () => {
    redis?.disconnect();
    await Promise.all(nodes.map((node) => endProcess(node, 'SIGKILL')));
    rmSync(folder, { recursive: true, force: true });
  });

  it('takes groups of seats of many events at once, each event on its own node, all or nothing', async () => {
    const events = Array.from({ length: 30 }, () => randomUUID());
    const seats = Array.from({ length: 10 }, (_, nth) => `S${nth}`);
    const wins = await Promise.all(events.map((eventId) => guard.claim(eventId, ana, seats)));
    expect(wins.every(({ claimed }) => claimed === true)).toBe(true);
    const refusals = await Promise.all(events.map((eventId) => guard.claim(eventId, ben, ['S9', 'S10'])));
    for (const refusal of refusals) expect(refusal).toMatchObject({ claimed: false, taken: [{ seatId: 'S9' }] });

    const onNodes = await Promise.all(
      (redis as unknown as { nodes(role: string): RedisClient[] }).nodes('master').map((node) => node.dbsize()),
    );
    expect(onNodes).toHaveLength(NODES);
    expect(Math.min(...onNodes)).toBeGreaterThan(0);
  });

  it('leads a seat through its whole life', async () => {
    const [eventId, holdId] = [randomUUID(), randomUUID()];
    const held = { holdId, seatIds: ['A1', 'A2'], msLeft: DEADLINE_MS };
    const claimed = async (owner: string, seatId: string) => (await guard.claim(eventId, owner, [seatId])).claimed;

    expect(await guard.claim(eventId, ana, held.seatIds)).toEqual({ claimed: true });
    expect(await guard.confirm(eventId, ana, held)).toBe(true);
    expect(await guard.extend(eventId, { ...held, msLeft: 2 * DEADLINE_MS })).toBe(true);
    expect(await claimed(ana, 'A1')).toBe(true);
    expect(await claimed(ben, 'A1')).toBe(false);
    expect(await guard.book(eventId, holdId, ['A1'])).toBe(true);
    expect(await guard.release(eventId, holdId, ['A2'])).toBe(true);
    expect(await claimed(ben, 'A1')).toBe(false);
    expect(await claimed(ben, 'A2')).toBe(true);
    expect(await guard.giveUp(eventId, ben, ['A2'], [{ seatId: 'A2', state: 'blocked' }])).toBe(true);
    expect(await claimed(ana, 'A2')).toBe(false);
    expect(await guard.unblock(eventId, ['A2'])).toBe(true);
    expect(await claimed(ana, 'A2')).toBe(true);
  });
});

/** Tries again what fails, as all does while the cluster forms. */
async function untilDone(work: () => Promise<unknown>): Promise<void> {
  let failure: unknown;
  await eventually(
    () =>
      work().then(
        () => true,
        (error: unknown) => ((failure = error), false),
      ),
    () => `the cluster: ${String(failure)}`,
  );
}
