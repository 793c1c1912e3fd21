import { createHash } from 'node:crypto';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { accountFor } from './accounts.mjs';
import { containerProcess, ensureImage, findEngine } from './containers.mjs';
import { serverDataFolder } from './data-folder.mjs';
import { canInstall, installPackages } from './debian-packages.mjs';
import { readJson, writeJson } from './json-file.mjs';
import { managedProcess, withCompanion } from './managed-process.mjs';
import { choosePort } from './ports.mjs';
import { step } from './progress.mjs';
import { nginx } from './servers/nginx.mjs';
import { postgres } from './servers/postgres.mjs';
import { rabbitmq } from './servers/rabbitmq.mjs';
import { redis } from './servers/redis.mjs';

const servers = { postgres, redis, rabbitmq, nginx };

/** Containers and volumes of one system carry its folder in their names. */
export const containerPrefix = (folder) => `holdfast-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}-`;

/**
 * Decides where each server comes from, in this order: an address given by the environment, a container, a program on
 * this machine as a private instance, the same after installing Debian's package. What was chosen once is kept, because
 * the data is there.
 *
 * @param {object} options
 * @param {string} options.folder of the system
 * @param {string[]} options.names of the servers wanted
 * @param {(line: string) => void} options.log
 * @param {Record<string, string>} [options.env]
 * @returns {Promise<Record<string, {kind: 'given', url: string} | {kind: 'container', engine: string, image: string} | {kind: 'program', programs: object}>>}
 * @throws Error that names what is missing and every way to provide it
 */
export async function chooseSources({ folder, names, log, env = process.env }) {
  const file = join(folder, 'sources.json');
  const before = readJson(file, {});
  const data = serverDataFolder(folder).path;
  const sources = {};
  const open = () => names.filter((name) => !sources[name]);

  for (const name of names) {
    const url = servers[name].givenBy && env[servers[name].givenBy];
    if (!url) continue;
    sources[name] = { kind: 'given', url };
    log(`${servers[name].title}: the one named by ${servers[name].givenBy}.`);
  }

  const usePrograms = (wanted) => {
    for (const name of wanted) {
      const programs = servers[name].find(data);
      if (!programs) continue;
      sources[name] = { kind: 'program', programs };
      log(`${servers[name].title}: a private instance of ${programs.server}.`);
    }
  };
  usePrograms(open().filter((name) => before[name] === 'program'));

  if (open().length > 0) await useContainers(sources, open(), { log, env });
  usePrograms(open());

  let installFailure;
  if (open().length > 0 && canInstall()) {
    const packages = open().map((name) => servers[name].debianPackage);
    const installed = await step(log, `Installing ${packages.join(', ')} (services are not started)`, () =>
      installPackages(packages, log),
    );
    installFailure = installed.why;
    usePrograms(open());
  }
  if (open().length > 0) throw new Error(whatIsMissing(open(), installFailure));

  const kinds = Object.fromEntries(Object.entries(sources).map(([name, { kind }]) => [name, kind]));
  writeJson(file, { ...before, ...kinds });
  return sources;
}

async function useContainers(sources, names, { log, env }) {
  const engine = env.HOLDFAST_CONTAINERS === 'never' ? undefined : findEngine();
  if (!engine) {
    log('No container engine answers here; looking for server programs.');
    return;
  }
  for (const name of names) {
    const { title, image: known } = servers[name];
    const image = env[known.variable] || known.official;
    const found = await step(log, `${title}: getting the image ${image}`, () => ensureImage(engine, image, log));
    if (found.ok) sources[name] = { kind: 'container', engine, image };
    else log(`${title}: ${engine} has no image ${image} and cannot get it (${found.why}); looking for a program.`);
  }
}

function whatIsMissing(names, installFailure) {
  const titles = names.map((name) => servers[name].title).join(', ');
  const packages = names.map((name) => servers[name].debianPackage).join(' ');
  const variables = names.map((name) => servers[name].givenBy).filter(Boolean);
  return [
    `Missing here: ${titles}. Any one of these helps:`,
    ...(variables.length > 0 ? [`  - name running servers: set ${variables.join(', ')}`] : []),
    '  - start a container engine that this user may use (docker or podman)',
    `  - install the programs, for example on Debian or Ubuntu: sudo apt-get install ${packages}`,
    '  - run as root on Debian or Ubuntu, then they are installed for you',
    ...(installFailure ? [`What the installation said:\n${installFailure}`] : []),
  ].join('\n');
}

/**
 * A handle of one server that is not given by URL: its addresses, and start, stop, kill, pause, resume.
 *
 * @param {string} name postgres, redis, rabbitmq or nginx
 * @param {object} source from `chooseSources`
 * @param {object} context
 * @param {string} context.folder of the system
 * @param {object} context.secrets
 * @param {{add: (name: string, pid: number) => void}} context.register
 * @param {Record<string, number>} [context.wishedPorts]
 * @param {Record<string, string>} [context.postgresSettings] of Postgres, beside the usual ones
 * @param {boolean} [context.delayedExchange] enable RabbitMQ's delayed-message plugin where it is installed
 * @param {boolean} [context.keyspaceEvents] make Redis tell of expired keys
 * @param {object} [context.upstreams] of the gateway
 * @param {(how: string) => void} [context.onDeath]
 */
export async function serverHandle(name, source, context) {
  const server = servers[name];
  const ports = await keptPorts(server, context);
  const facts = { ...context, ports };
  const logFile = join(context.folder, 'logs', `${name}.log`);
  const isReady = () => server.isReady(facts);
  const instance =
    source.kind === 'container'
      ? containerProcess({
          engine: source.engine,
          name: containerPrefix(context.folder) + name,
          title: server.title,
          image: source.image,
          spec: server.container({ ...facts, folder: join(context.folder, name) }),
          logFile,
          isReady,
        })
      : privateInstance(server, source, { ...facts, logFile, isReady });
  return {
    ...server.addresses(facts),
    ports,
    get pid() {
      return instance.pid;
    },
    start: async () => {
      await instance.start();
      await server.setUp(facts);
    },
    stop: instance.stop,
    kill: instance.kill,
    pause: instance.pause,
    resume: instance.resume,
  };
}

/** A private instance keeps its ports, so that an address in somebody's notes stays right. */
async function keptPorts(server, { folder, wishedPorts = {} }) {
  const file = join(folder, 'ports.json');
  const known = readJson(file, {});
  const ports = {};
  for (const name of server.portNames) ports[name] = await choosePort(wishedPorts[name], known[name]);
  writeJson(file, { ...readJson(file, {}), ...ports });
  return ports;
}

function privateInstance(server, source, context) {
  const account = accountFor(server.account);
  const folder = join(serverDataFolder(context.folder).path, server.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (account) chownSync(folder, account.uid, account.gid);
  const { before, ...program } = server.program({ ...context, programs: source.programs, folder, account });
  const common = { cwd: folder, account, logFile: context.logFile };
  const toProcess = (settings, name) =>
    managedProcess({
      isReady: context.isReady,
      readyTimeoutMs: server.readyTimeoutMs,
      ...common,
      ...settings,
      name,
      env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', ...settings.env },
      onStart: (pid) => context.register.add(name, pid),
      onDeath: context.onDeath,
    });
  const main = toProcess(program, server.title);
  return before ? withCompanion(main, toProcess(before, before.name)) : main;
}

/** The addresses of a server given by URL: everybody uses the same one. */
export function givenAddresses(url) {
  return { url, holdUrl: url, paymentUrl: url, expiryUrl: url, webhookUrl: url };
}
