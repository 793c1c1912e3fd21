import { setTimeout as sleep } from 'node:timers/promises';
import { logTail } from './managed-process.mjs';
import { run, runStreaming } from './run-command.mjs';
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

const ENGINES = ['docker', 'podman'];
const ENGINE_ANSWER_MS = 10_000;
const PULL_TIMEOUT_MS = 10 * 60_000;
const STOP_SECONDS = '20';
const POLL_MS = 200;
const READY_TIMEOUT_MS = 120_000;

/** The command of a container engine that answers, or undefined. */
export function findEngine() {
  return ENGINES.find((engine) => run(engine, ['info'], { timeout: ENGINE_ANSWER_MS, stdio: 'ignore' }).ok);
}

/**
 * Makes sure that an image is there; an image made on this machine needs no registry.
 *
 * @returns {Promise<{ok: boolean, why?: string}>}
 */
export async function ensureImage(engine, image, log) {
  if (run(engine, ['image', 'inspect', image], { stdio: 'ignore' }).ok) return { ok: true };
  log(`  ${engine} pull ${image}`);
  const { ok, tail } = await runStreaming(engine, ['pull', '--quiet', image], {
    timeout: PULL_TIMEOUT_MS,
    tailLines: 1,
  });
  return ok ? { ok } : { ok, why: tail.trim() };
}

/**
 * One server in a container, with the same handle as a process of ours. Ports are published on the loopback only;
 * data is kept in a named volume.
 *
 * @param {object} options
 * @param {string} options.engine
 * @param {string} options.name of the container; volumes are named after it
 * @param {string} options.title for messages
 * @param {string} options.image
 * @param {object} options.spec what a file in `servers/` says under `container`
 * @param {string} options.logFile
 * @param {() => Promise<boolean>} options.isReady
 */
export function containerProcess({ engine, name, title, image, spec, logFile, isReady }) {
  const remove = () => run(engine, ['rm', '--force', name], { stdio: 'ignore' });

  async function start() {
    remove();
    // Values go through our environment, not through arguments that everybody can list.
    const made = run(engine, ['run', '--detach', '--name', name, ...runArgs(name, spec), image, ...spec.args], {
      env: { ...process.env, ...spec.env },
    });
    if (!made.ok) throw new Error(`${title} could not be started in a container: ${made.stderr.trim()}`);
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!(await isReady().catch(() => false))) {
      const running = run(engine, ['inspect', '--format', '{{.State.Running}}', name]).stdout.trim() === 'true';
      if (!running || Date.now() > deadline) {
        keepLog();
        remove();
        throw new Error(`${title} ${running ? 'did not become ready in time' : 'ended'}.\n${logTail(logFile)}`);
      }
      await sleep(POLL_MS);
    }
    if (spec.afterStart) run(engine, ['exec', name, ...spec.afterStart]);
  }

  function keepLog() {
    const { stdout, stderr } = run(engine, ['logs', name]);
    mkdirSync(dirname(logFile), { recursive: true });
    appendFileSync(logFile, stdout + stderr);
  }

  return {
    start,
    stop: async () => {
      await runStreaming(engine, ['stop', '--time', STOP_SECONDS, name]);
      keepLog();
      remove();
    },
    kill: async () => void run(engine, ['kill', name], { stdio: 'ignore' }),
    pause: async () => void run(engine, ['pause', name], { stdio: 'ignore' }),
    resume: async () => void run(engine, ['unpause', name], { stdio: 'ignore' }),
  };
}

function runArgs(name, spec) {
  const pairs = (option, values, format) => Object.entries(values ?? {}).flatMap(([a, b]) => [option, format(a, b)]);
  return [
    ...(spec.network ? ['--network', spec.network] : []),
    ...(spec.user ? ['--user', spec.user] : []),
    ...(spec.hostname ? ['--hostname', spec.hostname] : []),
    ...pairs('--publish', spec.publish, (ours, theirs) => `127.0.0.1:${ours}:${theirs}`),
    ...pairs('--volume', spec.volumes, (suffix, path) => `${name}-${suffix}:${path}`),
    ...pairs('--volume', spec.mounts, (file, path) => `${file}:${path}:ro`),
    ...Object.keys(spec.env).flatMap((variable) => ['--env', variable]),
  ];
}

/** Removes containers and volumes whose names begin with a system's prefix. */
export function removeContainers(engine, prefix) {
  const names = (args) =>
    run(engine, args)
      .stdout.split('\n')
      .filter((name) => name.startsWith(prefix));
  for (const name of names(['ps', '--all', '--format', '{{.Names}}'])) run(engine, ['rm', '--force', name]);
  for (const name of names(['volume', 'ls', '--format', '{{.Name}}'])) run(engine, ['volume', 'rm', name]);
}
