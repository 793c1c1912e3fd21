import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase, type Database } from '@holdfast/postgres';
import { Redis } from 'ioredis';
import type { BenchSystem } from '../bench-system';
import type { Profile } from '../settings';
import { Announcements } from './announcements';
import { OUR_PATIENCE_MS, type Contestant, type TimerServer } from './contestants';
import { DatabaseWatch } from './database-watch';
import { journalFolder, openOurSide } from './our-side';
import type { OutsideClock } from './outside-clock';
import { openPeerSide } from './peer-side';
import type { Side } from './side';

/** How long a peer's jobs are waited for after the last deadline. */
const PEER_PATIENCE_MS: Record<Profile, number> = { quick: 5_000, full: 60_000 };
const LOOK_EVERY_MS = 100;
const TIMER_QUEUES = /^holdfast\.(due|parking\.)/;
const STATEMENT_TIMEOUT_MS = 120_000;

/** The machine lacks what an engine needs; the message is the engine's own. */
export class CannotRun extends Error {}

/** What every run works with: the servers, nobody working on them, and who watches. */
export class Lab {
  private constructor(
    readonly system: BenchSystem,
    readonly db: Database,
    /** A connection that no other work makes wait. */
    readonly clockDb: Database,
    readonly watch: DatabaseWatch,
    readonly announcements: Announcements,
    private readonly profile: Profile,
    readonly log: (line: string) => void,
  ) {}

  /** @throws Error with one sentence where a server was given by the environment: this bench sets them up and kills them */
  static async open(system: BenchSystem, profile: Profile, log: (line: string) => void): Promise<Lab> {
    const { postgres, redis, rabbitmq } = system.serverProcesses;
    if (!postgres || !redis || !rabbitmq || !system.servers.rabbitmqApiUrl) {
      throw new Error(
        'This bench kills its servers: unset the HOLDFAST_*_URL variables, and it starts some of its own.',
      );
    }
    for (const name of ['payment-service', 'sandbox-provider', 'expiry-worker', 'hold-service'] as const) {
      await system.processes[name].stop();
    }
    const { postgresUrl, rabbitmqUrl } = system.servers;
    const db = openDatabase({
      ...{ url: postgresUrl, applicationName: 'bench' },
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
    const clockDb = openDatabase({ url: postgresUrl, applicationName: 'bench-clock', connectionsMax: 1 });
    const watch = await DatabaseWatch.open(system, db);
    return new Lab(system, db, clockDb, watch, await Announcements.open(rabbitmqUrl), profile, log);
  }

  /**
   * Starts a contestant.
   *
   * @throws CannotRun when it is one that the machine may not be able to run, and cannot
   */
  async start(contestant: Contestant): Promise<Side> {
    const { system, watch } = this;
    if (contestant.kind === 'peer') return openPeerSide(system, watch.workerUrl, contestant);
    try {
      return await openOurSide(system, this.db, watch.workerUrl, contestant);
    } catch (error) {
      throw contestant.mayBeMissing ? new CannotRun((error as Error).message, { cause: error }) : error;
    }
  }

  /** Leaves nothing of the run before: no holds, no keys, no messages. Nobody may be working. */
  async clear(): Promise<void> {
    await this.watch.clear();
    const redis = new Redis(this.system.servers.redisUrl);
    await redis.flushall().finally(() => redis.disconnect());
    rmSync(journalFolder(this.system), { recursive: true, force: true });
    await purgeTimers(this.system.servers.rabbitmqApiUrl ?? '');
  }

  /** Fills Redis with keys that live as long as a hold. */
  async addBackgroundKeys(count: number): Promise<void> {
    const redis = new Redis(this.system.servers.redisUrl);
    try {
      const keysAtOnce = 1_000;
      for (let from = 0; from < count; from += keysAtOnce) {
        const pipeline = redis.pipeline();
        for (let nth = from; nth < Math.min(count, from + keysAtOnce); nth++) {
          pipeline.set(`bench:crowd:${nth}`, '', 'EX', 3_600);
        }
        await pipeline.exec();
      }
    } finally {
      redis.disconnect();
    }
  }

  /** Waits until what ran out by `lastMs` is released. @returns the database's time then, or when patience ended */
  async untilReleased(clock: OutsideClock, contestant: Contestant, eventId: string, lastMs: number): Promise<number> {
    await sleep(Math.max(0, lastMs - clock.now()));
    const giveUpMs = lastMs + this.patienceMs(contestant);
    while (clock.now() < giveUpMs) {
      const [row] = await this.db
        .query<{ held: boolean }>(
          `SELECT EXISTS (SELECT FROM inventory.holds
                           WHERE event_id = $1 AND state = 'held' AND deadline <= to_timestamp($2::float8)) AS held`,
          [eventId, lastMs / 1_000 + 0.001],
        )
        .catch(() => []);
      if (row && !row.held) break;
      await sleep(LOOK_EVERY_MS);
    }
    return clock.now();
  }

  /** The server that keeps a contestant's timers. */
  server(name: TimerServer) {
    const server = name === 'emulator' ? undefined : this.system.serverProcesses[name];
    if (!server) throw new Error(`The bench has no ${name} of its own`);
    return server;
  }

  async close(): Promise<void> {
    await this.announcements.close();
    await this.watch.close();
    await this.clockDb.close();
    await this.db.close();
  }

  private patienceMs(contestant: Contestant): number {
    if (contestant.kind === 'peer') return PEER_PATIENCE_MS[this.profile];
    return contestant.patienceMs ?? OUR_PATIENCE_MS;
  }
}

/** Timers that wait in queues. Those of the engine `timing-wheel` are in its journal; its queues hold the shards' batons. */
async function purgeTimers(apiUrl: string): Promise<void> {
  const { username, password, origin } = new URL(apiUrl);
  const headers = { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  const queues = (await (await fetch(`${origin}/api/queues`, { headers })).json()) as { vhost: string; name: string }[];
  for (const { vhost, name } of queues.filter((queue) => TIMER_QUEUES.test(queue.name))) {
    const path = `/api/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}/contents`;
    await (await fetch(`${origin}${path}`, { method: 'DELETE', headers })).arrayBuffer();
  }
}
