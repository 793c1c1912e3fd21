import { connect } from 'node:net';
import { openBroker, ReplyTimeout } from '@holdfast/broker';
import { BeginPayment } from '@holdfast/contracts';
import { CLAIM_MS } from '@holdfast/guard';
import { inventoryMigrations } from '@holdfast/inventory';
import { migrate, openDatabase, type Database } from '@holdfast/postgres';
import { openRedis, whenRedisReady } from '@holdfast/redis';
import {
  eventually,
  privatePostgres,
  privateRabbitmq,
  privateRedis,
  ServiceProcess,
  type PrivateServer,
} from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import type { HoldServiceConfig } from './hold-service-config';
import {
  callerOver,
  openSale,
  serviceUnderTest,
  settingsAsEnv,
  token,
  type Caller,
  type ServiceUnderTest,
} from './spec/service-under-test';

const START_MS = 60_000;

const take = (caller: Caller, eventId: string, seatId: string, key?: string) =>
  caller('POST', `/v1/events/${eventId}/holds`, { body: { seats: [seatId] }, key });

async function sale(service: ServiceUnderTest) {
  const eventId = await openSale(await service.caller('olga', 'organiser'));
  return { eventId, ann: await service.caller('ann', 'buyer'), ben: await service.caller('ben', 'buyer') };
}

describe('without Redis', () => {
  let redis: PrivateServer;
  let service: ServiceUnderTest;

  beforeAll(async () => {
    redis = await privateRedis();
    service = await serviceUnderTest({ redisUrl: redis.url });
  }, START_MS);

  afterAll(async () => {
    await service.close();
    await redis.drop();
  });

  const refusals = async () => {
    const { body } = await service.app.inject('/metrics');
    return Number(/guard_claims_total{outcome="refused".*} (\d+)/.exec(body)?.[1] ?? 0);
  };

  it('holds go on, are refused and given back, and the guard comes back by itself', async () => {
    const { eventId, ann, ben } = await sale(service);
    expect(await take(ann, eventId, 'St-A-1')).toMatchObject({ status: 201 });
    await redis.stop();

    expect(await take(ben, eventId, 'St-A-1')).toMatchObject({ status: 409, body: { code: 'seats-taken' } });
    const held = await take(ben, eventId, 'St-A-2', 'k');
    expect(held).toMatchObject({ status: 201 });
    expect(await take(ben, eventId, 'St-A-2', 'k')).toMatchObject({ status: 201, body: { holdId: held.body.holdId } });
    expect(await ben('DELETE', String(held.headers.location))).toMatchObject({ status: 200 });
    expect(await take(ann, eventId, 'St-A-2')).toMatchObject({ status: 201 });
    expect((await service.app.inject('/health/ready')).statusCode).toBe(200);

    await redis.start();
    const before = await refusals();
    await eventually(async () => {
      expect(await take(ben, eventId, 'St-A-1')).toMatchObject({ status: 409 });
      return (await refusals()) > before;
    });
  });

  /** Commands that make the private Redis so, and undo it. */
  const UNWRITABLE = [
    { what: 'is full', how: 'CONFIG SET maxmemory 1', undo: 'CONFIG SET maxmemory 0' },
    // As after a failover, when the service still talks to the one that was the master.
    { what: 'takes no writes', how: 'REPLICAOF 127.0.0.1 1', undo: 'REPLICAOF NO ONE' },
  ];

  it.each(UNWRITABLE)('a Redis that $what refuses nobody a seat that is free', async ({ how, undo }) => {
    const admin = openRedis({ url: redis.url, connectionName: 'admin' });
    await whenRedisReady(admin, START_MS);
    const tell = ([verb = '', ...words]: string[]) => admin.call(verb, ...words);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    const { eventId, ann, ben } = await sale(service);
    const held = await take(ann, eventId, 'St-A-1');
    const before = await refusals();
    await eventually(async () => {
      expect(await take(ben, eventId, 'St-A-1')).toMatchObject({ status: 409 });
      return (await refusals()) > before;
    });
    await tell(how.split(' '));
    try {
      expect(await take(ben, eventId, 'St-A-1')).toMatchObject({ status: 409, body: { code: 'seats-taken' } });
      expect(await ann('DELETE', String(held.headers.location))).toMatchObject({ status: 200 });
      const again = await take(ben, eventId, 'St-A-1', 'k');
      expect(again).toMatchObject({ status: 201 });
      expect(await take(ben, eventId, 'St-A-1', 'k')).toMatchObject({ body: { holdId: again.body.holdId } });
      expect(await take(ann, eventId, 'St-A-1')).toMatchObject({ status: 409, body: { code: 'seats-taken' } });
      expect((await service.app.inject('/health/ready')).statusCode).toBe(200);
    } finally {
      await tell(undo.split(' '));
      admin.disconnect();
    }
  });

  it('a Redis that does not answer costs time, not holds', async () => {
    const { eventId, ann } = await sale(service);
    await redis.pause();
    expect(await take(ann, eventId, 'St-A-1')).toMatchObject({ status: 201 });
    await redis.resume();
  });
});

describe('without RabbitMQ', () => {
  let rabbitmq: PrivateServer;
  let service: ServiceUnderTest;

  beforeAll(async () => {
    rabbitmq = await privateRabbitmq();
    service = await serviceUnderTest({ rabbitmqUrl: rabbitmq.url });
  }, START_MS);

  afterAll(async () => {
    await service.close();
    await rabbitmq.drop();
  });

  it('holds go on', async () => {
    const { eventId, ann, ben } = await sale(service);
    await rabbitmq.stop();
    expect(await take(ann, eventId, 'St-A-1')).toMatchObject({ status: 201 });
    expect(await take(ben, eventId, 'St-A-1')).toMatchObject({ status: 409 });
    expect((await service.app.inject('/health/ready')).statusCode).toBe(200);
  });

  it('the service starts all the same', async () => {
    const second = await serviceUnderTest({ rabbitmqUrl: rabbitmq.url });
    const { eventId, ann } = await sale(second);
    expect(await take(ann, eventId, 'St-A-1')).toMatchObject({ status: 201 });
    await second.close();
  });
});

describe('Postgres and the process', () => {
  let postgres: PrivateServer;
  let admin: Database;
  let service: ServiceUnderTest;
  let patient: HoldServiceConfig;

  beforeAll(async () => {
    postgres = await privatePostgres();
    admin = openDatabase({ url: postgres.url, applicationName: 'spec' });
    await migrate(postgres.url, [inventoryMigrations]);
    service = await serviceUnderTest({ postgresUrl: postgres.url, groupCommitAnswerWithinMs: 500 });
    patient = { ...service.config, groupCommitAnswerWithinMs: 4_000 };
  }, START_MS);

  afterAll(async () => {
    await service.close();
    await admin.close();
    await postgres.drop();
  });

  /** While `work` runs, whoever wants the seat waits inside Postgres. */
  const withSeatLocked = <T>(eventId: string, seatId: string, work: () => Promise<T>): Promise<T> =>
    admin.transaction(async (tx) => {
      await tx.query('SELECT FROM inventory.seats WHERE event_id = $1 AND seat_id = $2 FOR UPDATE', [eventId, seatId]);
      return work();
    });

  const waiting = async () => (await admin.query(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)).length;
  const isSomebodyWaiting = async () => (await waiting()) > 0;

  it('answers 503 with Retry-After while Postgres is away, and recovers by itself', async () => {
    const { eventId, ann } = await sale(service);
    await postgres.stop();
    for (const answer of [
      await take(ann, eventId, 'St-A-1', 'k'),
      await ann('GET', `/v1/events/${eventId}`),
      await ann('GET', `/v1/events/${eventId}/seats`),
      await ann('GET', '/health/ready'),
    ]) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' }, headers: { 'retry-after': '2' } });
    }
    expect(await ann('GET', '/health/live')).toMatchObject({ status: 200 });

    await postgres.start();
    await eventually(async () => (await take(ann, eventId, 'St-A-1', 'k')).status === 201);
    expect(await ann('GET', '/health/ready')).toMatchObject({ status: 200 });
  });

  it('keeps a command of payment-service until Postgres is back', async () => {
    const { eventId, ann } = await sale(service);
    const { body } = await take(ann, eventId, 'St-A-1');
    const client = openBroker({ url: service.config.rabbitmqUrl, name: 'spec' });
    await client.whenReady(START_MS);
    await postgres.stop();
    const command = { eventId, holdId: String(body.holdId), attemptId: newId(), buyerId: 'ann' };
    await expect(client.request(BeginPayment, command, { timeoutMs: 500 })).rejects.toThrow(ReplyTimeout);

    await postgres.start();
    const hold = `/v1/events/${eventId}/holds/${String(body.holdId)}`;
    await eventually(
      async () => (await ann('POST', `${hold}/extend`, { body: { seconds: 1 } })).body.code === 'payment-in-progress',
    );
    expect(await client.countDeadLetters()).toBe(0);
    await client.close();
  });

  it('answers 503 also while Postgres is frozen, before a statement runs out of time', async () => {
    const { eventId, ann, ben } = await sale(service);
    await take(ann, eventId, 'St-A-2');
    await postgres.pause();
    const statement = admin.query('SELECT 1').catch(() => 'out of time');
    const answers = Promise.all([take(ann, eventId, 'St-A-1', 'k'), take(ben, eventId, 'St-A-2')]);
    const first = await Promise.race([statement, answers]);
    await postgres.resume();
    const unavailable = { status: 503, body: { code: 'unavailable' } };
    expect(first).toMatchObject([unavailable, unavailable]);
    await statement;
    await eventually(async () => (await take(ann, eventId, 'St-A-1', 'k')).status === 201);
  });

  it('beyond its queue it answers at once that it is overloaded', async () => {
    const small = await serviceUnderTest({ postgresUrl: postgres.url, groupCommitQueueMax: 1 });
    const { eventId, ann } = await sale(small);
    const seats = ['St-A-1', 'St-A-2', 'St-A-3', 'St-A-4'];
    const buyers = await Promise.all(seats.map((seat) => small.caller(`buyer of ${seat}`, 'buyer')));
    const ask = (i: number) => take(buyers[i] ?? ann, eventId, seats[i] ?? '');
    // Two batches may be under way; the third request fills the queue.
    const { answers } = await withSeatLocked(eventId, 'St-A-1', () =>
      withSeatLocked(eventId, 'St-A-2', async () => {
        // One after the other: two that come at the same moment are one batch.
        const written = [ask(0)];
        await eventually(async () => (await waiting()) === 1);
        written.push(ask(1));
        await eventually(async () => (await waiting()) === 2);
        const others = [ask(2), ask(3)];
        const refused = await Promise.race(others);
        expect(refused).toMatchObject({ status: 503, body: { code: 'overloaded' }, headers: { 'retry-after': '1' } });
        return { answers: [...written, ...others] };
      }),
    );
    expect((await Promise.all(answers)).map(({ status }) => status).sort()).toEqual([201, 201, 201, 503]);
    await small.close();
  });

  it('on SIGTERM a running request is answered before the process ends', async () => {
    const { eventId } = await sale(service);
    const process = await ServiceProcess.start('hold-service', { env: settingsAsEnv(patient) });
    const ann = callerOver(process.url, await token('ann', ['buyer']));
    const { answer, stopped } = await withSeatLocked(eventId, 'St-A-1', async () => {
      const answer = take(ann, eventId, 'St-A-1');
      await eventually(isSomebodyWaiting);
      const stopped = process.stop();
      await eventually(async () => !(await isListening(process.port)));
      return { answer, stopped };
    });
    expect(await answer).toMatchObject({ status: 201 });
    await stopped;
    expect(process.log).not.toContain('giving up');
  });

  it('killed between claim and commit, it blocks the seat no longer than a claim lives', async () => {
    const { eventId, ben } = await sale(service);
    const process = await ServiceProcess.start('hold-service', { env: settingsAsEnv(patient) });
    const ann = callerOver(process.url, await token('ann', ['buyer']));
    await withSeatLocked(eventId, 'St-A-1', async () => {
      void take(ann, eventId, 'St-A-1').catch(() => undefined);
      await eventually(isSomebodyWaiting);
      await process.kill();
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`);
      await eventually(async () => !(await isSomebodyWaiting()));
    });
    const redis = openRedis({
      url: service.config.redisUrl,
      connectionName: 'spec',
      keyPrefix: service.config.redisKeyPrefix,
    });
    await whenRedisReady(redis, START_MS);
    const claimKey = `holdfast:{${eventId}}:seat:St-A-1`;
    expect(await redis.pttl(claimKey)).toBeLessThanOrEqual(CLAIM_MS);
    await redis.pexpire(claimKey, CLAIM_MS);
    expect(await take(ben, eventId, 'St-A-1')).toMatchObject({ status: 409 });
    await redis.pexpire(claimKey, 1);
    await eventually(async () => (await take(ben, eventId, 'St-A-1')).status === 201);
    redis.disconnect();
  });
});

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
      .on('connect', () => (socket.destroy(), resolve(true)))
      .on('error', () => resolve(false));
  });
}
