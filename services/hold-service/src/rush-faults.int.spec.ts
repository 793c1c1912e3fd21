import { openRedis, whenRedisReady } from '@holdfast/redis';
import { privateRabbitmq, privateRedis, ServiceProcess, type PrivateServer } from '@holdfast/testing';
import { doubleBooked, Rush, sellEverySeatAgain } from './spec/rush';
import {
  callerOver,
  openSale,
  serviceUnderTest,
  settingsAsEnv,
  token,
  type Caller,
  type ServiceUnderTest,
} from './spec/service-under-test';

const START_MS = 90_000;
/** Every instance in turn sells every seat; a claim of a killed one ends within six seconds. */
const FAULT_MS = 90_000;

describe('faults in the middle of a rush, with two instances', () => {
  let redis: PrivateServer;
  let rabbitmq: PrivateServer;
  let first: ServiceUnderTest;
  let second: ServiceProcess;
  let worker: ServiceProcess;
  let callers: Caller[];
  let path: string;

  beforeAll(async () => {
    [redis, rabbitmq] = await Promise.all([privateRedis(), privateRabbitmq()]);
    first = await serviceUnderTest({ redisUrl: redis.url, rabbitmqUrl: rabbitmq.url });
    const env = settingsAsEnv(first.config);
    second = await ServiceProcess.start('hold-service', { env });
    // Its relay brings the ledger to the guards: what a lost update left in Redis is mended by it.
    worker = await ServiceProcess.start('expiry-worker', { env });
    callers = [await first.caller('ann', 'buyer'), callerOver(second.url, await token('ben', ['buyer']))];
  }, START_MS);

  afterAll(async () => {
    await Promise.all([second?.stop(), worker?.stop()]);
    await first?.close();
    await Promise.all([redis?.drop(), rabbitmq?.drop()]);
  }, START_MS);

  async function rushThrough(fault: (rush: Rush) => Promise<void>): Promise<void> {
    path = `/v1/events/${await openSale(await first.caller('olga', 'organiser'), { seatsPerBuyerMax: 100 })}/holds`;
    const rush = new Rush(callers, path);
    try {
      await rush.goesOn();
      await fault(rush);
      await rush.goesOn();
    } finally {
      await rush.stop();
    }
    expect(await doubleBooked(first.database, path)).toEqual([]);
    await sellEverySeatAgain(callers, path);
    expect(await doubleBooked(first.database, path)).toEqual([]);
  }

  it(
    'Redis is killed and starts again',
    () =>
      rushThrough(async (rush) => {
        await redis.kill();
        await rush.goesOn();
        await redis.start();
      }),
    FAULT_MS,
  );

  it(
    'Redis loses everything',
    () =>
      rushThrough(async (rush) => {
        const client = openRedis({ url: redis.url, connectionName: 'spec' });
        await whenRedisReady(client, START_MS);
        await client.flushall();
        await rush.goesOn();
        client.disconnect();
      }),
    FAULT_MS,
  );

  it(
    'RabbitMQ stops, and is back after the rush',
    async () => {
      await rushThrough(async (rush) => {
        await rabbitmq.stop();
        await rush.goesOn();
      });
      await rabbitmq.start();
    },
    FAULT_MS,
  );

  it(
    'one of the instances is killed and starts again',
    () =>
      rushThrough(async (rush) => {
        await second.kill();
        await rush.goesOn();
        await second.start();
      }),
    FAULT_MS,
  );
});
