import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureImage } from './containers.mjs';
import { areEngines, ENGINES } from './engines.mjs';
import { nodeProgram } from './node.mjs';
import { localFolder, repository } from './paths.mjs';
import { anyFreePort } from './ports.mjs';
import { step } from './progress.mjs';
import { readOptions, refuseOptions } from './read-options.mjs';
import { run, runStreaming } from './run-command.mjs';
import { build, ensurePackages, requireNode } from './workspace.mjs';

/*
 * npm run e2e:compose: builds the image, starts docker-compose.yml beside whatever else runs here, runs the end-to-end
 * suite through the published port, and removes all of it again, volumes too. Its last line is the suite's count.
 * `-- --engine NAME` selects what wakes the expiry-worker.
 */
const BUILD_TIMEOUT_MS = 15 * 60_000;
const UP_TIMEOUT_MS = 5 * 60_000;
const HEALTHY_TIMEOUT_MS = 2 * 60_000;
const SUITE_TIMEOUT_MS = 10 * 60_000;
const LOGS_TIMEOUT_MS = 60_000;
const DOWN_TIMEOUT_MS = 3 * 60_000;
const HEALTH_POLL_MS = 1_000;
const LOG_LINES = '100';
const SECRET_BYTES = 24;

const PROJECT = 'holdfast-e2e';
/** Not the one of docker-compose.yml, so that a system started by hand may run on. */
const EDGE_PREFIX = '10.84.17';
/** By which the containers reach this machine: the engine takes the first address of a network for itself. */
const HOST_ADDRESS = `${EDGE_PREFIX}.1`;
/** By variable of docker-compose.yml: the official image, and the one that infra/images/build-local-images.sh makes. */
const IMAGES = {
  HOLDFAST_NODE_IMAGE: { official: 'node:24-bookworm-slim', local: 'holdfast-local/node' },
  HOLDFAST_POSTGRES_IMAGE: { official: 'postgres:17-alpine', local: 'holdfast-local/postgres' },
  HOLDFAST_REDIS_IMAGE: { official: 'redis:8-alpine', local: 'holdfast-local/redis' },
  HOLDFAST_RABBITMQ_IMAGE: { official: 'rabbitmq:4', local: 'holdfast-local/rabbitmq' },
  HOLDFAST_NGINX_IMAGE: { official: 'nginx:1-alpine', local: 'holdfast-local/nginx' },
};

const log = (line) => console.log(line);
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => abort.abort());

requireNode();
process.exitCode = await endToEndInContainers().catch((error) => {
  console.error(error.message);
  return 1;
});

/** @returns {Promise<number>} the exit status of the suite; 1 when it could not be run */
async function endToEndInContainers() {
  const engine = chooseEngine();
  const command = findCompose();
  await ensurePackages(log, abort.signal);
  await build(log, abort.signal);
  const secrets = {
    HOLDFAST_JWT_SECRET: randomBytes(SECRET_BYTES).toString('hex'),
    HOLDFAST_STRIPE_SECRET_KEY: `sk_test_${randomBytes(SECRET_BYTES).toString('hex')}`,
  };
  const gatewayPort = await anyFreePort();
  const providerPort = await anyFreePort();
  const compose = composeWith(command, {
    ...foreignVariables(),
    ...(await chooseImages()),
    ...secrets,
    COMPOSE_PROJECT_NAME: PROJECT,
    HOLDFAST_IMAGE: 'holdfast:e2e',
    HOLDFAST_EXPIRY_ENGINE: engine,
    HOLDFAST_GATEWAY_PORT: String(gatewayPort),
    HOLDFAST_SANDBOX_PROVIDER_PORT: String(providerPort),
    HOLDFAST_EDGE_PREFIX: EDGE_PREFIX,
    HOLDFAST_SANDBOX_PUBLIC_URL: `http://127.0.0.1:${providerPort}`,
    HOLDFAST_WEBHOOK_ALLOWED_NETWORKS: `${HOST_ADDRESS}/32`,
  });

  // All services share one image, so one of them is built.
  await step(log, 'Building the image', () => compose(['build', 'migrate'], { timeout: BUILD_TIMEOUT_MS }));
  try {
    await step(log, 'Starting the containers', async () => {
      await compose(['up', '--detach', '--no-build'], { timeout: UP_TIMEOUT_MS });
      await waitUntilHealthy(compose);
    });
    return await runSuite(`http://127.0.0.1:${gatewayPort}`, {
      ...foreignVariables(),
      ...secrets,
      HOLDFAST_STRIPE_API_URL: `http://127.0.0.1:${providerPort}`,
      ...(isOurs(HOST_ADDRESS) ? { HOLDFAST_E2E_RECEIVER_HOST: HOST_ADDRESS } : {}),
    });
  } catch (error) {
    if (!abort.signal.aborted) await printLogs(compose);
    throw error;
  } finally {
    await step(log, 'Removing the containers', () =>
      compose(['down', '--volumes', '--remove-orphans'], { timeout: DOWN_TIMEOUT_MS, signal: undefined }),
    );
  }
}

function chooseEngine() {
  const usage = `Usage: npm run e2e:compose -- [--engine NAME]   (${ENGINES.join(', ')})`;
  const { engine } = readOptions(usage, { engine: { type: 'string', default: 'parking' } });
  if (!areEngines(engine)) refuseOptions(usage, `There is no engine "${engine}".`);
  return engine;
}

/** `docker compose`, else the older program of its own. */
function findCompose() {
  if (!run('docker', ['info']).ok) throw new Error('No container engine answers: docker info failed.');
  const command = [['docker', 'compose'], ['docker-compose']].find(
    ([program, ...args]) => run(program, [...args, 'version']).ok,
  );
  if (!command) throw new Error('Neither `docker compose` nor docker-compose is installed.');
  return command;
}

/** The environment without settings of Holdfast: those of a developer's own system have no business in this one. */
function foreignVariables() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HOLDFAST_')));
}

/** The images asked for, else the official ones, else those made on this machine. */
async function chooseImages() {
  const chosen = {};
  for (const [variable, { official, local }] of Object.entries(IMAGES)) {
    const wished = process.env[variable] || official;
    const found = await ensureImage('docker', wished, log);
    const fallback = !found.ok && run('docker', ['image', 'inspect', local]).ok;
    if (!found.ok && !fallback) {
      throw new Error(
        `The image ${wished} cannot be had (${found.why}), and there is no ${local}: ` +
          'without a registry, make the images with infra/images/build-local-images.sh.',
      );
    }
    chosen[variable] = fallback ? local : wished;
    log(`${variable}: ${chosen[variable]}`);
  }
  return chosen;
}

/**
 * Runs compose commands on the system's own file alone, neither an override nor a developer's .env.
 *
 * @returns {(args: string[], options: object) => Promise<string>} gives the last lines written; fails when compose does
 */
function composeWith([program, ...first], env) {
  // In place of a developer's own .env; compose 1.29 accepts only a real file.
  const emptyEnvFile = join(localFolder, 'e2e-compose.env');
  mkdirSync(localFolder, { recursive: true });
  writeFileSync(emptyEnvFile, '');
  const fixed = [...first, '--file', join(repository, 'docker-compose.yml'), '--env-file', emptyEnvFile];
  return async (args, options) => {
    const { ok, tail } = await runStreaming(program, [...fixed, ...args], {
      cwd: repository,
      env,
      signal: abort.signal,
      ...options,
    });
    if (!ok) throw new Error(`${[program, ...first, ...args].join(' ')} failed:\n${tail}`);
    return tail;
  };
}

/** Compose waits for those that others depend on; this waits for all. A container without a health check has ended well. */
async function waitUntilHealthy(compose) {
  const ids = (await compose(['ps', '--quiet'], { timeout: LOGS_TIMEOUT_MS })).split('\n').filter(Boolean);
  const format = '{{.Name}} {{if .State.Health}}{{.State.Health.Status}}{{end}}';
  const deadline = Date.now() + HEALTHY_TIMEOUT_MS;
  for (;;) {
    const states = run('docker', ['inspect', '--format', format, ...ids])
      .stdout.trim()
      .split('\n');
    const waiting = states.filter((line) => /(starting|unhealthy)$/.test(line));
    if (waiting.length === 0) return;
    if (Date.now() > deadline) throw new Error(`Not healthy in time: ${waiting.join(', ')}`);
    await sleep(HEALTH_POLL_MS, undefined, { signal: abort.signal });
  }
}

/** An engine in a virtual machine has the address there; the suite then skips the cases in which webhooks arrive. */
function isOurs(address) {
  return Object.values(networkInterfaces()).some((its) => its.some((one) => one.address === address));
}

async function runSuite(url, env) {
  const { ok, tail } = await step(log, `End-to-end suite against ${url}`, () =>
    runStreaming(nodeProgram(), [join('infra', 'e2e', 'dist', 'index.js'), '--url', url], {
      cwd: repository,
      env,
      signal: abort.signal,
      timeout: SUITE_TIMEOUT_MS,
      tailLines: 1,
      onLine: log,
    }),
  );
  if (!ok) throw new Error(`The end-to-end suite failed: ${tail.trim()}`);
  return 0;
}

async function printLogs(compose) {
  await compose(['logs', '--no-color', '--tail', LOG_LINES], {
    timeout: LOGS_TIMEOUT_MS,
    onLine: log,
  }).catch((error) => log(error.message));
}
