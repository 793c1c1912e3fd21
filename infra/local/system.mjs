import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJson } from './json-file.mjs';
import { logTail, managedProcess } from './managed-process.mjs';
import { repository } from './paths.mjs';
import { choosePort } from './ports.mjs';
import { processRegister } from './process-register.mjs';
import { step } from './progress.mjs';
import { chooseSources, givenAddresses, serverHandle } from './provide-servers.mjs';
import { runStreaming } from './run-command.mjs';
import { ensureSampleEvent, SAMPLE_SEATS } from './sample-event.mjs';
import { loadSecrets, mintToken } from './secrets.mjs';
import { SERVICE_PORTS, serviceProcess } from './services.mjs';
import { serverDataFolder } from './data-folder.mjs';

const GATEWAY_PORT = 8080;
const RESTART_FIRST_MS = 1_000;
const RESTART_MAX_MS = 30_000;
const TITLES = { postgres: 'Postgres', redis: 'Redis', rabbitmq: 'RabbitMQ' };

export const stateFile = (folder) => join(folder, 'state.json');

/**
 * Brings up servers, schema and services in one folder. Types and promises: system.d.mts.
 *
 * @param {import('./system.d.mts').SystemOptions & {abort?: AbortSignal}} options
 * @returns {Promise<import('./system.d.mts').RunningSystem>}
 */
export async function startSystem(options) {
  const { folder, engine = 'parking', env = {}, restart = false, instances = 1, abort } = options;
  const log = options.log ?? ((line) => process.stderr.write(`${line}\n`));
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const secrets = loadSecrets(folder);
  const register = processRegister(folder);
  const token = (subject, roles) => mintToken(secrets.jwt, subject, roles);
  const known = readJson(stateFile(folder), {});

  // What runs, the newest last: stopped in the opposite order.
  const running = [];
  let ready = false;
  let stopping;
  const starting = [];
  const stop = () => (stopping ??= stopAll(running, folder).finally(() => Promise.allSettled(starting)));
  const start = (handle) => {
    const attempt = startUnlessStopping(handle);
    starting.push(attempt);
    return attempt;
  };
  const startUnlessStopping = async (handle) => {
    if (stopping) throw new Error('Stopped while starting.');
    running.push(handle);
    await handle.start();
    // The stop came between two steps of this start and found nothing to stop.
    if (stopping) await handle.stop();
  };
  const onDeath = (name, handle) => (how) => {
    if (!ready || stopping) return;
    log(`${name} ${how}.\n${logTail(join(folder, 'logs', `${name}.log`))}`);
    if (restart) void restartUntilReady(name, handle, { log, isStopping: () => stopping !== undefined });
  };

  const bringUp = async () => {
    const leftovers = await register.stopLeftovers();
    if (leftovers.length > 0) log(`Stopped what an earlier start left running: ${leftovers.join(', ')}.`);

    const data = serverDataFolder(folder);
    if (data.reason) log(`Server data is in ${data.path}, because ${data.reason}.`);
    const names = ['postgres', 'redis', 'rabbitmq', 'nginx'];
    const sources = await chooseSources({ folder, names, log });
    const engines = engine.split(',');
    const context = {
      folder,
      secrets,
      register,
      postgresSettings: options.postgresSettings,
      delayedExchange: engines.includes('delayed-exchange'),
      keyspaceEvents: engines.includes('keyspace'),
    };

    const addresses = {};
    const serverProcesses = {};
    for (const name of Object.keys(TITLES)) {
      if (sources[name].kind === 'given') {
        addresses[name] = givenAddresses(sources[name].url);
        continue;
      }
      const handle = await serverHandle(name, sources[name], {
        ...context,
        onDeath: (how) => onDeath(name, handle)(how),
      });
      addresses[name] = handle;
      serverProcesses[name] = handle;
    }
    await step(log, `Starting ${titlesOf(serverProcesses)}`, () => settle(Object.values(serverProcesses).map(start)));

    await step(log, 'Migrating the database', () => migrate({ addresses, secrets }));

    const furtherHoldServices = Array.from({ length: instances - 1 }, (_, nth) => `hold-service-${nth + 2}`);
    const ports = await keptServicePorts(folder, furtherHoldServices, options.usualPorts);
    const processes = {};
    const serviceSettings = { ports, addresses, secrets, engine, folder, env };
    const makeService = (name) => {
      const settings = furtherHoldServices.includes(name)
        ? serviceProcess('hold-service', { ...serviceSettings, ports: { ...ports, 'hold-service': ports[name] } })
        : serviceProcess(name, serviceSettings);
      const instance = managedProcess({
        ...settings,
        name,
        logFile: join(folder, 'logs', `${name}.log`),
        onStart: (pid) => register.add(name, pid),
        onDeath: (how) => onDeath(name, instance)(how),
      });
      processes[name] = withRestart(instance, `http://127.0.0.1:${ports[name]}`);
      return start(instance);
    };
    const [first, ...others] = [...Object.keys(SERVICE_PORTS), ...furtherHoldServices];
    await step(log, `Starting ${[first, ...others].join(', ')}`, async () => {
      await makeService(first);
      await settle(others.map(makeService));
    });

    const gateway = await serverHandle('nginx', sources.nginx, {
      ...context,
      wishedPorts: { gateway: options.port ?? known.port ?? (options.usualPorts ? GATEWAY_PORT : undefined) },
      upstreams: {
        holdServices: ['hold-service', ...furtherHoldServices].map((name) => ports[name]),
        paymentService: ports['payment-service'],
        webhookService: ports['webhook-service'],
      },
      onDeath: (how) => onDeath('nginx', gateway)(how),
    });
    if (options.port && gateway.ports.gateway !== options.port) throw new Error(`Port ${options.port} is taken.`);
    await step(log, 'Starting the gateway (nginx)', () => start(gateway));
    processes.gateway = withRestart(gateway, gateway.url);

    const tokens = { organiser: token('organiser-1', ['organiser']), buyer: token('buyer-1', ['buyer']) };
    const url = gateway.url;
    const eventId = options.sampleEvent
      ? await step(log, `Making sure of the sample event (${SAMPLE_SEATS.toLocaleString('en')} seats)`, () =>
          ensureSampleEvent({ url, token: tokens.organiser, folder, known: known.eventId }),
        )
      : undefined;

    const services = Object.fromEntries(Object.entries(processes).map(([name, entry]) => [name, entry.url]));
    writeJson(stateFile(folder), {
      url,
      tokens,
      services,
      engine,
      eventId,
      port: gateway.ports.gateway,
      pid: process.pid,
      servers: { rabbitmqUrl: addresses.rabbitmq.url, postgresUrl: addresses.postgres.url },
    });
    ready = true;
    return {
      url,
      tokens,
      token,
      services,
      servers: {
        postgresUrl: addresses.postgres.url,
        postgresAdminUrl: addresses.postgres.adminUrl ?? null,
        redisUrl: addresses.redis.url,
        rabbitmqUrl: addresses.rabbitmq.url,
        rabbitmqApiUrl: addresses.rabbitmq.apiUrl ?? null,
      },
      stripeSecretKey: secrets.stripe,
      stripeWebhookSecret: secrets.stripeWebhook,
      jwtSecret: secrets.jwt,
      processes,
      holdServices: ['hold-service', ...furtherHoldServices].map((name) => processes[name]),
      serverProcesses,
      eventId,
      stop,
    };
  };

  try {
    return await Promise.race([bringUp(), aborted(abort)]);
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The gateway stops first and the servers last. A part that fails to stop does not keep the others running. */
async function stopAll(running, folder) {
  const failures = [];
  while (running.length > 0) {
    await running
      .pop()
      .stop()
      .catch((error) => failures.push(error));
  }
  const state = readJson(stateFile(folder));
  if (state) writeJson(stateFile(folder), { ...state, pid: undefined });
  if (failures.length > 0) throw failures[0];
}

function withRestart(instance, url) {
  return {
    url,
    get pid() {
      return instance.pid;
    },
    kill: instance.kill,
    stop: instance.stop,
    restart: async () => {
      await instance.stop();
      await instance.start();
    },
  };
}

async function restartUntilReady(name, instance, { log, isStopping }) {
  for (let waitMs = RESTART_FIRST_MS; !isStopping(); waitMs = Math.min(waitMs * 2, RESTART_MAX_MS)) {
    log(`Starting ${name} again in ${waitMs / 1_000} s.`);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (isStopping()) return;
    try {
      await instance.start();
      log(`${name} is back.`);
      return;
    } catch (error) {
      log(error.message);
    }
  }
}

/** Waits for all before it fails, so that nothing is still starting while the rest is being stopped. */
async function settle(promises) {
  const results = await Promise.allSettled(promises);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}

async function migrate({ addresses, secrets }) {
  const program = join(repository, 'infra', 'migrate', 'dist', 'index.js');
  const { ok, tail } = await runStreaming(process.execPath, [program], {
    env: {
      PATH: process.env.PATH ?? '',
      HOLDFAST_POSTGRES_URL: addresses.postgres.url,
      ...(addresses.postgres.adminUrl && {
        HOLDFAST_POSTGRES_ADMIN_URL: addresses.postgres.adminUrl,
        HOLDFAST_POSTGRES_HOLD_PASSWORD: secrets.postgresHold,
        HOLDFAST_POSTGRES_PAYMENT_PASSWORD: secrets.postgresPayment,
        HOLDFAST_POSTGRES_EXPIRY_PASSWORD: secrets.postgresExpiry,
        HOLDFAST_POSTGRES_WEBHOOK_PASSWORD: secrets.postgresWebhook,
      }),
    },
  });
  if (!ok) throw new Error(`The migration failed:\n${tail}`);
}

/** Two systems that start at once would both find a usual port free, so only `npm start` asks for them. */
async function keptServicePorts(folder, furtherServices, usualPorts) {
  const file = join(folder, 'ports.json');
  const known = readJson(file, {});
  const ports = {};
  const wished = [...Object.entries(SERVICE_PORTS), ...furtherServices.map((name) => [name, undefined])];
  for (const [name, usual] of wished) {
    let port = await choosePort(known[name], usualPorts ? usual : undefined);
    while (Object.values(ports).includes(port)) port = await choosePort();
    ports[name] = port;
  }
  writeJson(file, { ...readJson(file, {}), ...ports });
  return ports;
}

function aborted(signal) {
  return new Promise((_, reject) => {
    const fail = () => reject(new Error('Stopped before it was ready.'));
    if (signal?.aborted) fail();
    signal?.addEventListener('abort', fail, { once: true });
  });
}

const titlesOf = (handles) =>
  Object.keys(handles)
    .map((name) => TITLES[name])
    .join(', ') || 'nothing: all servers are given';
