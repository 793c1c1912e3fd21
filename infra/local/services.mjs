import { join } from 'node:path';
import { nodeProgram } from './node.mjs';
import { repository } from './paths.mjs';

const READY_ANSWER_MS = 2_000;
/**
 * Node sizes its heap by the machine's memory, and on a large one lets hundreds of megabytes of garbage wait. With these
 * bounds a hold-service in a rush takes 255 MB instead of 350 (Node 24), at the same speed; two imports of 200,000 seats at
 * a time fit. A half of 8 MB took 40 MB less, and a quarter of the rush's speed.
 */
const NODE_FLAGS = ['--enable-source-maps', '--max-old-space-size=1024', '--max-semi-space-size=16'];
/** What a thread that made an event gave back stays with the allocator's pool of that thread: 274 MB in a rush, not 322. */
const MEMORY = { MALLOC_ARENA_MAX: '2' };

/** The services in the order they start; they stop in the opposite order. Ports are the wished ones, from the first to the last. */
export const SERVICE_PORTS = {
  'sandbox-provider': 8084,
  'hold-service': 8081,
  'payment-service': 8082,
  'expiry-worker': 8083,
  'webhook-service': 8085,
};

const folderOf = (name) => (name === 'sandbox-provider' ? 'infra' : 'services');

/**
 * How to run one service: its program and its whole environment.
 *
 * @param {string} name
 * @param {object} system
 * @param {Record<string, number>} system.ports of all services
 * @param {{postgres: object, redis: object, rabbitmq: object}} system.addresses
 * @param {object} system.secrets
 * @param {string} system.engine
 * @param {string} system.folder
 * @param {Record<string, string>} system.env further variables
 */
export function serviceProcess(name, system) {
  return {
    command: nodeProgram(),
    args: [...NODE_FLAGS, join(repository, folderOf(name), name, 'dist', 'main.js')],
    cwd: repository,
    env: {
      ...machineEnv(process.env),
      NODE_ENV: 'production',
      ...MEMORY,
      ...userSettings(process.env),
      ...settingsOf[name](system),
      HOLDFAST_HTTP_PORT: String(system.ports[name]),
      ...system.env,
    },
    isReady: () => isServiceReady(system.ports[name]),
  };
}

/** What every program of ours takes over: where programs are, and whose certificates count beside those Node knows. */
export const machineEnv = ({ PATH = '', NODE_EXTRA_CA_CERTS }) => ({
  PATH,
  ...(NODE_EXTRA_CA_CERTS && { NODE_EXTRA_CA_CERTS }),
});

/**
 * A developer may turn any knob of a service; where the system decides itself, its own value stands. The engine `sqs` asks
 * the AWS SDK, which has variables of its own.
 */
const userSettings = (env) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => /^(AWS_|HOLDFAST_(?!TEST_|E2E_))/.test(name)));

const settingsOf = {
  'sandbox-provider': ({ ports, folder, secrets }) => ({
    HOLDFAST_SANDBOX_PORT: String(ports['sandbox-provider']),
    HOLDFAST_SANDBOX_DATA: join(folder, 'sandbox-provider'),
    HOLDFAST_STRIPE_SECRET_KEY: secrets.stripe,
    HOLDFAST_SANDBOX_WEBHOOK_URL: `http://127.0.0.1:${ports['payment-service']}/v1/webhooks/stripe`,
    HOLDFAST_SANDBOX_WEBHOOK_SECRET: secrets.stripeWebhook,
  }),
  'hold-service': ({ addresses: { postgres, redis, rabbitmq }, secrets, engine }) => ({
    HOLDFAST_POSTGRES_URL: postgres.holdUrl,
    HOLDFAST_REDIS_URL: redis.holdUrl,
    HOLDFAST_RABBITMQ_URL: rabbitmq.holdUrl,
    HOLDFAST_JWT_SECRET: secrets.jwt,
    HOLDFAST_EXPIRY_ENGINE: engine,
  }),
  'payment-service': ({ addresses: { postgres, rabbitmq }, secrets, ports }) => ({
    HOLDFAST_POSTGRES_URL: postgres.paymentUrl,
    HOLDFAST_RABBITMQ_URL: rabbitmq.paymentUrl,
    HOLDFAST_JWT_SECRET: secrets.jwt,
    HOLDFAST_STRIPE_API_URL: `http://127.0.0.1:${ports['sandbox-provider']}`,
    HOLDFAST_STRIPE_SECRET_KEY: secrets.stripe,
    HOLDFAST_STRIPE_WEBHOOK_SECRETS: secrets.stripeWebhook,
  }),
  'expiry-worker': ({ addresses: { postgres, redis, rabbitmq }, engine, folder }) => ({
    HOLDFAST_TIMER_JOURNAL: join(folder, 'timer-journal'),
    HOLDFAST_POSTGRES_URL: postgres.expiryUrl,
    HOLDFAST_REDIS_URL: redis.expiryUrl,
    HOLDFAST_RABBITMQ_URL: rabbitmq.expiryUrl,
    HOLDFAST_EXPIRY_ENGINE: engine,
  }),
  'webhook-service': ({ addresses: { postgres }, secrets }) => ({
    // A developer's receiver runs on this machine; with the variable empty, all of it is refused as in production.
    HOLDFAST_WEBHOOK_ALLOWED_NETWORKS: process.env.HOLDFAST_WEBHOOK_ALLOWED_NETWORKS ?? '127.0.0.0/8,::1/128',
    HOLDFAST_POSTGRES_URL: postgres.webhookUrl,
    HOLDFAST_JWT_SECRET: secrets.jwt,
    HOLDFAST_WEBHOOK_KEY: secrets.webhookKey,
  }),
};

async function isServiceReady(port) {
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(READY_ANSWER_MS) });
  await answer.arrayBuffer();
  return answer.ok;
}
