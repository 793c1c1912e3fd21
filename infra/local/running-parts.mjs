import { join } from 'node:path';
import { logTail } from './managed-process.mjs';

const RESTART_FIRST_MS = 1_000;
const RESTART_MAX_MS = 30_000;

/**
 * What runs of a system that may be stopped at any time, also while it is still starting.
 *
 * @param {object} options
 * @param {string} options.folder the system's; the log of a part that dies is read there
 * @param {(line: string) => void} options.log
 * @param {boolean} options.restart whether a part that dies is started again
 */
export function runningParts({ folder, log, restart }) {
  // The newest last: stopped in the opposite order.
  const running = [];
  const starting = [];
  let isWatched = false;
  let stopping;
  const isStopping = () => stopping !== undefined;

  const startUnlessStopping = async (handle) => {
    if (isStopping()) throw new Error('Stopped while starting.');
    running.push(handle);
    await handle.start();
    // The stop came between two steps of this start and found nothing to stop.
    if (isStopping()) await handle.stop();
  };
  return {
    /** Starts a part, and waits until it is ready. */
    start: (handle) => {
      const attempt = startUnlessStopping(handle);
      starting.push(attempt);
      return attempt;
    },
    /** Everything is there: from now on a death is news. */
    watch: () => (isWatched = true),
    /** A part ended by itself, or was killed. */
    died: (name, handle, how) => {
      if (!isWatched || isStopping()) return;
      log(`${name} ${how}.\n${logTail(join(folder, 'logs', `${name}.log`))}`);
      if (restart) void restartUntilReady(name, handle, { log, isStopping });
    },
    /** Stops all, the newest first; a part that fails to stop does not keep the others running. */
    stop: () => (stopping ??= stopAll(running).finally(() => Promise.allSettled(starting))),
  };
}

async function stopAll(running) {
  const failures = [];
  while (running.length > 0) {
    await running
      .pop()
      .stop()
      .catch((error) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
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
