import { setTimeout as sleep } from 'node:timers/promises';

const GIVE_UP_AFTER_MS = 15_000;
const POLL_MS = 25;

/** Waits until something becomes true that a server or a process does in its own time. */
export async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_AFTER_MS;
  while (!(await isTrue())) {
    if (Date.now() > giveUpAt) throw new Error('it did not become true in time');
    await sleep(POLL_MS);
  }
}
