import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './run-command.mjs';

const POLL_MS = 50;
const LOG_TAIL_LINES = 15;
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

/**
 * One long-running process of ours, which can be stopped, killed, paused and started again with the same settings.
 * It leads a process group of its own, so that Ctrl-C in the terminal reaches only us and we stop things in order.
 *
 * @param {object} options
 * @param {string} options.name for messages
 * @param {string} options.command
 * @param {string[]} options.args
 * @param {Record<string, string>} options.env the whole environment, nothing is inherited
 * @param {string} options.cwd
 * @param {{uid: number, gid: number}} [options.account] who it runs as; default: the current user
 * @param {string} options.logFile gets both output streams, appended
 * @param {() => Promise<boolean>} options.isReady asked again and again after the start
 * @param {NodeJS.Signals} [options.stopSignal]
 * @param {(pid: number) => void} [options.onStart]
 * @param {(how: string) => void} [options.onDeath] called when it ends though nobody asked it to
 */
export function managedProcess(options) {
  let child;
  let gone = Promise.resolve();
  let wanted = false;

  async function start() {
    if (child) throw new Error(`${options.name} runs already`);
    wanted = true;
    mkdirSync(dirname(options.logFile), { recursive: true });
    const log = openSync(options.logFile, 'a');
    const started = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: options.env,
      uid: options.account?.uid,
      gid: options.account?.gid,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child = started;
    let death;
    gone = new Promise((resolve) => {
      const end = (how) => {
        death = how;
        if (child === started) child = undefined;
        resolve();
      };
      started.once('error', (error) => end(`could not be started: ${error.message}`));
      started.once('exit', (code, signal) => end(signal ? `was ended by ${signal}` : `ended with status ${code}`));
    });
    if (started.pid) options.onStart?.(started.pid);

    const deadline = Date.now() + (options.readyTimeoutMs ?? READY_TIMEOUT_MS);
    while (!death && !(await options.isReady().catch(() => false))) {
      if (Date.now() > deadline) {
        await kill();
        throw new Error(`${options.name} did not become ready in time.\n${logTail(options.logFile)}`);
      }
      await sleep(POLL_MS);
    }
    if (death) throw new Error(`${options.name} ${death}.\n${logTail(options.logFile)}`);
    gone.then(() => {
      if (!wanted) return;
      // Where a script leads the group, as RabbitMQ's does, the server itself would live on and keep its ports.
      signal([-started.pid], 'SIGKILL');
      options.onDeath?.(death);
    });
  }

  async function stop() {
    wanted = false;
    const pid = child?.pid;
    if (!pid) return;
    signal([pid], 'SIGCONT');
    signal([pid], options.stopSignal ?? 'SIGTERM');
    const timer = setTimeout(() => signal(familyOf(pid), 'SIGKILL'), STOP_TIMEOUT_MS);
    await gone;
    clearTimeout(timer);
  }

  async function kill() {
    wanted = false;
    const pid = child?.pid;
    if (!pid) return;
    const family = familyOf(pid);
    signal(family, 'SIGKILL');
    await gone;
    // Postgres refuses to start again while a child of the killed one still holds its memory.
    while (family.some(isAlive)) await sleep(POLL_MS);
  }

  return {
    start,
    stop,
    kill,
    pause: async () => signal(child?.pid ? familyOf(child.pid) : [], 'SIGSTOP'),
    resume: async () => signal(child?.pid ? familyOf(child.pid) : [], 'SIGCONT'),
    get pid() {
      return child?.pid;
    },
  };
}

/**
 * A process and one that it needs, as one part. Either may end while the other runs on: then `start` starts that one alone.
 *
 * @param {ReturnType<typeof managedProcess>} main
 * @param {ReturnType<typeof managedProcess>} companion started before it, ended after it
 */
export function withCompanion(main, companion) {
  return {
    start: async () => {
      for (const each of [companion, main]) if (!each.pid) await each.start();
    },
    stop: async () => {
      await main.stop();
      await companion.stop();
    },
    kill: async () => {
      await main.kill();
      await companion.kill();
    },
    pause: main.pause,
    resume: main.resume,
    get pid() {
      return main.pid;
    },
  };
}

/** The end of a log file, indented, for an error message. */
export function logTail(file) {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return `  (no log at ${file})`;
  }
  const lines = text.trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  return [`The end of ${file}:`, ...lines.map((line) => `  ${line}`)].join('\n');
}

/** Whether a process is there and has not merely been left unburied by its parent. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  return !/^\d+ \(.*\) Z/.test(procStat(pid) ?? '');
}

/** A mark that a later process with the same number does not share. */
export function birthMark(pid) {
  const stat = procStat(pid);
  // Field 22: start time since boot; the name in field 2 may contain blanks and brackets.
  if (stat) return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return run('ps', ['-o', 'lstart=', '-p', String(pid)]).stdout.trim() || undefined;
}

/** A process and all below it: Postgres puts each child into a group of its own, so the group is not enough. */
function familyOf(pid) {
  const parents = parentsByPid();
  const family = [pid];
  for (let i = 0; i < family.length; i++) {
    for (const [child, parent] of parents) if (parent === family[i]) family.push(child);
  }
  return family;
}

function parentsByPid() {
  const stats = procPids().map((pid) => [pid, procStat(pid)]);
  if (stats.length > 0) {
    return stats
      .filter(([, stat]) => stat)
      .map(([pid, stat]) => [pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]);
  }
  const lines = run('ps', ['-A', '-o', 'pid=,ppid=']).stdout.trim().split('\n');
  return lines.map((line) => line.trim().split(/\s+/).map(Number));
}

function procPids() {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function procStat(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
}

export function signal(pids, name) {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}
