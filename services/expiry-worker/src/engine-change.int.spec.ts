import { openBroker, type Broker } from '@holdfast/broker';
import { DatabaseClock, openScheduler, type EngineParts, type ExpiryEngineName } from '@holdfast/expiry';
import { inventoryMigrations, type Hold } from '@holdfast/inventory';
import { openRedis, openRedisSubscriber, whenRedisReady, type RedisClient } from '@holdfast/redis';
import {
  eventually,
  ServiceProcess,
  testDatabase,
  testRedisPrefix,
  testServers,
  testVhost,
  type TestDatabase,
  type TestVhost,
} from '@holdfast/testing';
import { holdStates, sampleSale } from './sample-sale.spec';

const READY_MS = 20_000;

let db: TestDatabase;
let vhost: TestVhost;
let broker: Broker;
let redis: RedisClient;
let clock: DatabaseClock;
let parts: EngineParts;
const keyPrefix = testRedisPrefix();
const workers: ServiceProcess[] = [];

beforeAll(async () => {
  [db, vhost] = await Promise.all([testDatabase([inventoryMigrations]), testVhost()]);
  broker = openBroker({ url: vhost.url, name: 'spec' });
  const redisOptions = { url: testServers().redisUrl, connectionName: 'spec', keyPrefix };
  redis = openRedis(redisOptions);
  await Promise.all([broker.whenReady(READY_MS), whenRedisReady(redis, READY_MS)]);
  clock = await DatabaseClock.open(db.database);
  parts = {
    clock,
    rabbitmq: { broker, url: vhost.url },
    redis: { commands: redis, openSubscriber: () => openRedisSubscriber(redisOptions), keyPrefix },
  };
});

afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.stop())));

afterAll(async () => {
  await clock.close();
  await broker.close();
  redis.disconnect();
  await Promise.all([vhost.drop(), db.drop()]);
});

async function startWorker(engines: string, env: Record<string, string> = {}): Promise<ServiceProcess> {
  const worker = await ServiceProcess.start('expiry-worker', {
    env: {
      HOLDFAST_POSTGRES_URL: db.url,
      HOLDFAST_RABBITMQ_URL: vhost.url,
      HOLDFAST_REDIS_URL: testServers().redisUrl,
      HOLDFAST_REDIS_KEY_PREFIX: keyPrefix,
      HOLDFAST_EXPIRY_ENGINE: engines,
      ...env,
    },
  });
  workers.push(worker);
  return worker;
}

/** What a hold-service that runs with this engine does after its commits, up to its end. */
async function schedule(engine: ExpiryEngineName, holds: Hold[]): Promise<void> {
  const scheduler = await openScheduler(engine, parts);
  scheduler.schedule(holds.map(({ eventId, holdId, deadline }) => ({ eventId, holdId, deadline })));
  await scheduler.close();
  expect(scheduler.counts.handedOver).toBe(holds.length);
}

/** How often each hold was ended, and by whom. */
const endings = (eventId: string) =>
  db.database.query<{ reason: string; holds: number; entries: number }>(
    `SELECT reason, count(DISTINCT hold_id)::int AS holds, count(*)::int AS entries
       FROM inventory.ledger WHERE event_id = $1 AND kind = 'expired' GROUP BY reason`,
    [eventId],
  );

async function dueBy(worker: ServiceProcess): Promise<Record<string, number>> {
  const text = await (await fetch(`${worker.url}/metrics`)).text();
  const lines = text.matchAll(/^holdfast_due_holds_total{engine="([a-z-]+)".*} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, engine = '', count]): [string, number] => [engine, Number(count)]));
}

const allExpired = async (eventId: string, holds: number) => {
  const states = Object.values(await holdStates(db.database, eventId));
  return states.length === holds && states.every((state) => state === 'expired');
};

describe('changing the engine while holds are outstanding', () => {
  it('lets timers of both come due in a worker that listens to both', async () => {
    const sale = await sampleSale(db.database, { seats: 40, holdSeconds: 4 });
    const take = (from: number) => Promise.all(Array.from({ length: 20 }, (_, seat) => sale.hold(from + seat)));
    await schedule('parking', await take(1));
    await schedule('keyspace', await take(21));
    const worker = await startWorker('keyspace,parking');
    await eventually(() => allExpired(sale.eventId, 40));
    expect((await endings(sale.eventId)).reduce((sum, { entries }) => sum + entries, 0)).toBe(40);
    await eventually(async () => {
      const due = await dueBy(worker);
      return (due['parking'] ?? 0) >= 20 && (due['keyspace'] ?? 0) >= 20;
    });
  });

  it('loses nothing when nobody listens to the old one any more', async () => {
    const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 1 });
    await schedule('keyspace', await Promise.all(Array.from({ length: 10 }, (_, seat) => sale.hold(seat + 1))));
    await startWorker('parking');
    await eventually(() => allExpired(sale.eventId, 10));
    expect(await endings(sale.eventId)).toEqual([{ reason: 'swept', holds: 10, entries: 10 }]);
  });
});

describe('the engine sweep', () => {
  it('releases as an engine does, without the sweeper beside it', async () => {
    const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 1 });
    const holds = await Promise.all(Array.from({ length: 10 }, (_, seat) => sale.hold(seat + 1)));
    await schedule('sweep', holds);
    const worker = await startWorker('sweep', { HOLDFAST_SWEEP_EVERY_MS: '100' });
    await eventually(() => allExpired(sale.eventId, 10));
    expect(await endings(sale.eventId)).toEqual([{ reason: 'due', holds: 10, entries: 10 }]);
    expect((await dueBy(worker))['sweep']).toBeGreaterThanOrEqual(10);
  });
});

it('a list with an engine that is not there, or twice the same, is refused by name', async () => {
  await expect(startWorker('parking,nonsense')).rejects.toThrow(/HOLDFAST_EXPIRY_ENGINE/);
  await expect(startWorker('parking,parking')).rejects.toThrow(/HOLDFAST_EXPIRY_ENGINE/);
});
