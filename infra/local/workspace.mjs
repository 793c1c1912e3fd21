import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeProgram } from './node.mjs';
import { runStreaming } from './run-command.mjs';
import { step } from './progress.mjs';
import { repository } from './paths.mjs';

/** Exit status after Ctrl-C, as shells have it. */
export const INTERRUPTED = 130;
/** The oldest Node the dependencies run on. */
const NODE_MIN = [20, 19];
const STAMP = 'node_modules/.holdfast-lock';

/** Ends the process with a sentence when this Node is too old for the project. */
export function requireNode(version = process.versions.node) {
  if (isNodeEnough(version)) return;
  console.error(`Holdfast needs Node ${NODE_MIN.join('.')} or newer; this is Node ${version}.`);
  process.exit(1);
}

export function isNodeEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
}

/**
 * Whether `npm ci` must run: nothing is installed, or the lock has changed since. A stamp of ours tells which lock was
 * installed; without it (somebody ran `npm install`) npm's own copy of the lock must not be older than ours.
 *
 * @param {{lock: string, stamp?: string, lockTimeMs: number, installedTimeMs?: number}} facts hashes and times of change
 */
export function isInstallStale({ lock, stamp, lockTimeMs, installedTimeMs }) {
  if (installedTimeMs === undefined) return true;
  if (stamp === lock) return false;
  return installedTimeMs < lockTimeMs;
}

/** Installs and builds what is needed. Ctrl-C meanwhile ends that, and then the process. */
export async function prepareWorkspace(log) {
  const abort = new AbortController();
  const end = () => abort.abort();
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end);
  try {
    await ensurePackages(log, abort.signal);
    await build(log, abort.signal);
  } catch (error) {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    throw error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, end);
  }
}

/** Installs the packages of the lock file when that is needed. `signal` ends it early, as a failure. */
export async function ensurePackages(log, signal) {
  const facts = installFacts(repository);
  if (!isInstallStale(facts)) return;
  const { ok, tail } = await step(log, 'Installing packages (npm ci)', () =>
    runStreaming('npm', ['ci', '--no-audit', '--no-fund'], { cwd: repository, signal }),
  );
  if (!ok) throw new Error(`npm ci failed:\n${tail}`);
  writeFileSync(join(repository, STAMP), facts.lock);
}

/** Compiles what has changed since the last time. `signal` ends it early, as a failure. */
export async function build(log, signal) {
  const { ok, tail } = await step(log, 'Building', () =>
    runStreaming(nodeProgram(), [join('node_modules', 'typescript', 'bin', 'tsc'), '-b', 'tsconfig.json'], {
      cwd: repository,
      signal,
    }),
  );
  if (!ok) throw new Error(`The build failed:\n${tail}`);
}

function installFacts(root) {
  const lockFile = join(root, 'package-lock.json');
  const installedLock = join(root, 'node_modules', '.package-lock.json');
  const stampFile = join(root, STAMP);
  return {
    lock: createHash('sha256').update(readFileSync(lockFile)).digest('hex'),
    stamp: existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined,
    lockTimeMs: statTime(lockFile),
    installedTimeMs: existsSync(installedLock) ? statTime(installedLock) : undefined,
  };
}

const statTime = (file) => statSync(file).mtimeMs;
