import { setTimeout as sleep } from 'node:timers/promises';
import { processRegister } from './process-register.mjs';
import { runningStart } from './running-start.mjs';

const POLL_MS = 100;

/**
 * Ends the start that runs in a folder and waits for it; also what a killed start left behind.
 *
 * @returns {Promise<boolean>} whether anything ran
 */
export async function stopRunningStart(folder) {
  const pid = runningStart(folder);
  if (pid) {
    process.kill(pid, 'SIGTERM');
    while (runningStart(folder)) await sleep(POLL_MS);
  }
  const leftovers = await processRegister(folder).stopLeftovers();
  return pid !== undefined || leftovers.length > 0;
}
