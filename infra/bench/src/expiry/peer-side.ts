import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openPeer } from '@holdfast/bench-peers';
import { endProcess } from '@holdfast/testing';
import { Redis } from 'ioredis';
import type { BenchSystem } from '../bench-system';
import type { PeerEntrant } from './contestants';
import type { PendingHolds } from './pending-holds';
import type { Side, WorkerProcess } from './side';

const WORKER_PROGRAM = require.resolve('@holdfast/bench-peers/dist/worker.js');

/** A peer with its worker in a process of its own; this process puts the jobs in place. */
export async function openPeerSide(
  system: BenchSystem,
  workerUrl: string,
  { engine, tuned, server }: PeerEntrant,
): Promise<Side> {
  const addresses = { postgresUrl: workerUrl, redisUrl: system.servers.redisUrl };
  const asBefore = server === 'redis' ? await configure(addresses.redisUrl, JOB_QUEUE_NEEDS) : {};
  const peer = openPeer(engine, tuned, addresses);
  const worker = new PeerWorker({ peer: engine, tuned, ...addresses });
  // The first worker makes the peer's tables.
  await peer.schedule([]);
  await worker.start();
  return {
    worker,
    schedule: ({ eventId, groups }: PendingHolds) =>
      peer.schedule(
        groups.flatMap(({ holdIds, deadlineMs }) =>
          (tuned ? [holdIds] : holdIds.map((holdId) => [holdId])).map((ids) => ({ eventId, holdIds: ids, deadlineMs })),
        ),
      ),
    stop: async () => {
      await worker.kill();
      await peer.stop();
      await peer.clear();
      if (server === 'redis') await configure(addresses.redisUrl, asBefore);
    },
  };
}

/**
 * The product's Redis keeps nothing on disk, and makes room by forgetting. A job queue needs it to keep everything: on disk,
 * with what Redis does by default then, which is every second, and in memory without a bound.
 */
const JOB_QUEUE_NEEDS = { appendonly: 'yes', maxmemory: '0', 'maxmemory-policy': 'noeviction' };

/** @returns what was set before, by the same names */
async function configure(redisUrl: string, settings: Record<string, string>): Promise<Record<string, string>> {
  const redis = new Redis(redisUrl);
  try {
    const before: Record<string, string> = {};
    for (const [name, value] of Object.entries(settings)) {
      before[name] = ((await redis.config('GET', name)) as string[])[1] ?? '';
      await redis.config('SET', name, value);
    }
    // A killed server reads its file again when it starts.
    await redis.config('REWRITE');
    return before;
  } finally {
    redis.disconnect();
  }
}

class PeerWorker implements WorkerProcess {
  private child: ChildProcess | undefined;

  constructor(private readonly job: object) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async start(): Promise<void> {
    const child = fork(WORKER_PROGRAM, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.child = child;
    child.send(this.job);
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`The worker of a peer ended with status ${code}`);
    });
    ended.catch(() => undefined);
    await Promise.race([once(child, 'message'), ended]);
  }

  async kill(): Promise<void> {
    if (this.child) await endProcess(this.child, 'SIGKILL');
  }
}
