import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJson } from './json-file.mjs';
import { managedProcess } from './managed-process.mjs';
import { nodeProgram } from './node.mjs';
import { repository } from './paths.mjs';
import { choosePort, isFree } from './ports.mjs';
import { processRegister } from './process-register.mjs';
import { step } from './progress.mjs';
import { chooseSources, givenAddresses, serverHandle } from './provide-servers.mjs';
import { runStreaming } from './run-command.mjs';
import { runningParts } from './running-parts.mjs';
import { ensureSampleEvent, SAMPLE_SEATS } from './sample-event.mjs';
import { loadSecrets, mintToken } from './secrets.mjs';
import { machineEnv, SERVICE_PORTS, serviceProcess } from './services.mjs';
import { serverDataFolder } from './data-folder.mjs';

const GATEWAY_PORT = 8080;
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
  const parts = runningParts({ folder, log, restart });
  const stop = () => parts.stop().finally(() => forgetPid(folder));
  const plan = { ...options, folder, engine, env, instances, log, secrets, register, parts };
  try {
    return await Promise.race([bringUp(plan, stop), aborted(abort)]);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function bringUp(plan, stop) {
  const { folder, engine, log, secrets, register, parts } = plan;
  const leftovers = await register.stopLeftovers();
  if (leftovers.length > 0) log(`Stopped what an earlier start left running: ${leftovers.join(', ')}.`);
  if (plan.port && !(await isFree(plan.port))) throw new Error(`Port ${plan.port} is taken.`);
  const data = serverDataFolder(folder);
  if (data.reason) log(`Server data is in ${data.path}, because ${data.reason}.`);

  const sources = await chooseSources({ folder, names: [...Object.keys(TITLES), 'nginx'], log });
  const { addresses, serverProcesses } = await startServers(plan, sources);
  await step(log, 'Migrating the database', () => migrate({ addresses, secrets }));
  const { ports, holdServices, processes } = await startServices(plan, addresses);
  const known = readJson(stateFile(folder), {});
  const gateway = await startGateway(plan, { source: sources.nginx, ports, holdServices, known });
  processes.gateway = withRestart(gateway, gateway.url);

  const { url } = gateway;
  const token = (subject, roles) => mintToken(secrets.jwt, subject, roles);
  const tokens = { organiser: token('organiser-1', ['organiser']), buyer: token('buyer-1', ['buyer']) };
  const eventId = plan.sampleEvent
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
  parts.watch();
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
    holdServices: holdServices.map((name) => processes[name]),
    serverProcesses,
    eventId,
    stop,
  };
}

/** Those that are not given by URL. */
async function startServers(plan, sources) {
  const addresses = {};
  const serverProcesses = {};
  for (const name of Object.keys(TITLES)) {
    if (sources[name].kind === 'given') {
      addresses[name] = givenAddresses(sources[name].url);
      continue;
    }
    addresses[name] = serverProcesses[name] = await watchedServer(plan, name, sources[name]);
  }
  const started = Object.values(serverProcesses);
  await step(plan.log, `Starting ${titlesOf(serverProcesses)}`, () => settle(started.map(plan.parts.start)));
  return { addresses, serverProcesses };
}

async function watchedServer({ folder, secrets, register, parts, postgresSettings, engine }, name, source, further) {
  const engines = engine.split(',');
  const handle = await serverHandle(name, source, {
    folder,
    secrets,
    register,
    postgresSettings,
    delayedExchange: engines.includes('delayed-exchange'),
    keyspaceEvents: engines.includes('keyspace'),
    ...further,
    onDeath: (how) => parts.died(name, handle, how),
  });
  return handle;
}

/** The first alone, the others together. */
async function startServices({ folder, engine, env, instances, usualPorts, log, secrets, register, parts }, addresses) {
  const further = Array.from({ length: instances - 1 }, (_, nth) => `hold-service-${nth + 2}`);
  const ports = await keptServicePorts(folder, further, usualPorts);
  const processes = {};
  const start = (name) => {
    const service = further.includes(name) ? 'hold-service' : name;
    const ownPorts = { ...ports, [service]: ports[name] };
    const instance = managedProcess({
      ...serviceProcess(service, { ports: ownPorts, addresses, secrets, engine, folder, env }),
      name,
      logFile: join(folder, 'logs', `${name}.log`),
      onStart: (pid) => register.add(name, pid),
      onDeath: (how) => parts.died(name, instance, how),
    });
    processes[name] = withRestart(instance, `http://127.0.0.1:${ports[name]}`);
    return parts.start(instance);
  };
  const [first, ...others] = [...Object.keys(SERVICE_PORTS), ...further];
  await step(log, `Starting ${[first, ...others].join(', ')}`, async () => {
    await start(first);
    await settle(others.map(start));
  });
  return { ports, processes, holdServices: ['hold-service', ...further] };
}

async function startGateway(plan, { source, ports, holdServices, known }) {
  const { port, usualPorts, log, parts } = plan;
  const wished = port ?? known.port ?? (usualPorts ? GATEWAY_PORT : undefined);
  const gateway = await watchedServer(plan, 'nginx', source, {
    wishedPorts: { gateway: wished },
    upstreams: {
      holdServices: holdServices.map((name) => ports[name]),
      paymentService: ports['payment-service'],
      webhookService: ports['webhook-service'],
    },
  });
  const given = gateway.ports.gateway;
  if (port && given !== port) throw new Error(`Port ${port} is taken.`);
  if (wished && given !== wished) log(`Port ${wished} is taken: the gateway listens on ${given}.`);
  await step(log, 'Starting the gateway (nginx)', () => parts.start(gateway));
  return gateway;
}

/** The next start knows from it that this one runs no more. */
function forgetPid(folder) {
  const state = readJson(stateFile(folder));
  if (state) writeJson(stateFile(folder), { ...state, pid: undefined });
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

/** Waits for all before it fails, so that nothing is still starting while the rest is being stopped. */
async function settle(promises) {
  const results = await Promise.allSettled(promises);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}

async function migrate({ addresses, secrets }) {
  const program = join(repository, 'infra', 'migrate', 'dist', 'index.js');
  const { ok, tail } = await runStreaming(nodeProgram(), [program], {
    env: {
      ...machineEnv(process.env),
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
