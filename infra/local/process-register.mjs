import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson, writeJson } from './json-file.mjs';
import { birthMark, isAlive, signal } from './managed-process.mjs';

const POLL_MS = 100;
const STOP_TIMEOUT_MS = 30_000;

/** Remembers which processes a system started, so that what a killed start left behind can be stopped by the next. */
export function processRegister(folder) {
  const file = join(folder, 'processes.json');

  return {
    add(name, pid) {
      const living = readJson(file, []).filter((entry) => entry.pid !== pid && isOurs(entry));
      writeJson(file, [...living, { name, pid, birth: birthMark(pid) }]);
    },

    /** @returns {Promise<string[]>} names of the processes that were still there */
    async stopLeftovers() {
      // The last one started depends on the others.
      const leftovers = readJson(file, []).filter(isOurs).reverse();
      for (const { pid } of leftovers) {
        signal([pid], 'SIGTERM');
        const deadline = Date.now() + STOP_TIMEOUT_MS;
        while (isAlive(pid) && Date.now() < deadline) await sleep(POLL_MS);
        if (isAlive(pid)) signal([pid], 'SIGKILL');
      }
      writeJson(file, []);
      return leftovers.map(({ name }) => name);
    },
  };
}

/** A number may have been given to another process since. */
const isOurs = ({ pid, birth }) => isAlive(pid) && birthMark(pid) === birth;
