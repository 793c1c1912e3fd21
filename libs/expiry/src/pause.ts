import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, or ends at once when the signal says that whoever waits here is stopping. */
export async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stopping }).catch(() => undefined);
}
