import { connect } from 'node:net';
import { openDatabase } from '@holdfast/postgres';
import { privatePostgres, privateRabbitmq, privateRedis, type PrivateServer } from './private-server';

const RABBITMQ_START_MS = 120_000;
const SILENCE_MS = 300;

/** Opens a connection, sends a greeting, and tells whether anything came back before the time is up. */
function heardFrom(server: PrivateServer, greeting: string): Promise<boolean> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: SILENCE_MS });
    const answer = (heard: boolean) => {
      socket.destroy();
      resolve(heard);
    };
    socket.once('connect', () => socket.write(greeting));
    socket.once('data', () => answer(true));
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => answer(false));
  });
}

const greetings = { redis: 'PING\r\n', rabbitmq: 'AMQP\x00\x00\x09\x01' };

describe('a private Redis', () => {
  let redis: PrivateServer;
  beforeAll(async () => void (redis = await privateRedis()));
  afterAll(() => redis.drop());

  it('is gone when killed and back at the same address when started', async () => {
    await redis.kill();
    expect(await heardFrom(redis, greetings.redis)).toBe(false);
    await redis.start();
    expect(await heardFrom(redis, greetings.redis)).toBe(true);
  });

  it('says nothing while paused', async () => {
    await redis.pause();
    expect(await heardFrom(redis, greetings.redis)).toBe(false);
    await redis.resume();
    expect(await heardFrom(redis, greetings.redis)).toBe(true);
  });
});

describe('a private Postgres', () => {
  let postgres: PrivateServer;
  beforeAll(async () => void (postgres = await privatePostgres()));
  afterAll(() => postgres.drop());

  it('keeps what was committed through a kill', async () => {
    const database = openDatabase({ url: postgres.url, applicationName: 'holdfast-test', connectionsMax: 1 });
    await database.query('CREATE TABLE kept AS SELECT 42 AS answer');
    await postgres.kill();
    await expect(database.query('SELECT answer FROM kept')).rejects.toThrow();
    await postgres.start();
    await expect(database.query('SELECT answer FROM kept')).resolves.toEqual([{ answer: 42 }]);
    await database.close();
  });
});

describe('a private RabbitMQ', () => {
  let rabbitmq: PrivateServer;
  beforeAll(async () => void (rabbitmq = await privateRabbitmq()), RABBITMQ_START_MS);
  afterAll(() => rabbitmq.drop(), RABBITMQ_START_MS);

  it(
    'is gone when stopped and back with its users when started',
    async () => {
      await rabbitmq.stop();
      expect(await heardFrom(rabbitmq, greetings.rabbitmq)).toBe(false);
      await rabbitmq.start();
      expect(await heardFrom(rabbitmq, greetings.rabbitmq)).toBe(true);
      const { username, password, origin } = new URL(rabbitmq.apiUrl as string);
      const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
      const response = await fetch(`${origin}/api/whoami`, { headers: { authorization } });
      expect(await response.json()).toMatchObject({ name: username });
    },
    RABBITMQ_START_MS,
  );
});
