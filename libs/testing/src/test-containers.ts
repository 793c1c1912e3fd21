import type { StartedTestContainer } from 'testcontainers';
import type { TestServers } from './servers';

const PASSWORD = 'holdfast-test';
const USER = 'holdfast';
const CONNECTIONS_MAX = '400';
const START_TIMEOUT_MS = 120_000;

/** The same variables and defaults as for the servers of `npm start`. */
const imageOf = (variable: string, official: string) => process.env[variable] || official;
const images = () => ({
  postgres: imageOf('HOLDFAST_POSTGRES_IMAGE', 'postgres:17-alpine'),
  redis: imageOf('HOLDFAST_REDIS_IMAGE', 'redis:8-alpine'),
  rabbitmq: imageOf('HOLDFAST_RABBITMQ_IMAGE', 'rabbitmq:4-management'),
});

/**
 * Starts the three servers with testcontainers.
 *
 * @returns their addresses, and how to stop them
 * @throws Error when an image cannot be got or a server does not start; whatever had started is stopped
 */
export async function startContainers(): Promise<{ servers: TestServers; stop: () => Promise<void> }> {
  const image = images();
  // Loaded only where it is used: the package takes a second.
  const { GenericContainer, Wait } = await import('testcontainers');
  // Testcontainers' reaper is one more image, which images made on this machine say we cannot get.
  if (image.postgres.startsWith('holdfast-local/')) process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';

  const attempts = await Promise.allSettled([
    new GenericContainer(image.postgres)
      .withEnvironment({ POSTGRES_USER: USER, POSTGRES_PASSWORD: PASSWORD })
      .withCommand(['postgres', '-c', `max_connections=${CONNECTIONS_MAX}`])
      .withExposedPorts(5432)
      // The first start is only for setting up.
      .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
      .withStartupTimeout(START_TIMEOUT_MS)
      .start(),
    new GenericContainer(image.redis)
      .withExposedPorts(6379)
      .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
      .withStartupTimeout(START_TIMEOUT_MS)
      .start(),
    new GenericContainer(image.rabbitmq)
      .withEnvironment({ RABBITMQ_DEFAULT_USER: USER, RABBITMQ_DEFAULT_PASS: PASSWORD })
      .withExposedPorts(5672, 15672)
      .withWaitStrategy(Wait.forLogMessage(/Server startup complete/))
      .withStartupTimeout(START_TIMEOUT_MS)
      .start(),
  ]);
  const started = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  const stop = async () => void (await Promise.all(started.map((container) => container.stop())));
  const [postgres, redis, rabbitmq] = started;
  if (!postgres || !redis || !rabbitmq) {
    await stop();
    throw attempts.find((attempt) => attempt.status === 'rejected')?.reason;
  }
  const at = (container: StartedTestContainer, port: number) =>
    `${container.getHost()}:${container.getMappedPort(port)}`;
  return {
    servers: {
      postgresUrl: `postgres://${USER}:${PASSWORD}@${at(postgres, 5432)}/postgres`,
      redisUrl: `redis://${at(redis, 6379)}`,
      rabbitmqUrl: `amqp://${USER}:${PASSWORD}@${at(rabbitmq, 5672)}`,
      rabbitmqApiUrl: `http://${USER}:${PASSWORD}@${at(rabbitmq, 15672)}`,
    },
    stop,
  };
}
