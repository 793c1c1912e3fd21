import { setTimeout as sleep } from 'node:timers/promises';

/** Far beyond what anything here takes: whoever waits this long waits for something that never comes. */
const GIVE_UP_AFTER_MS = 30_000;
const POLL_MS = 20;

/**
 * Waits for what a server, a process or a loop does in its own time, by looking again and again.
 *
 * @param look looks once; `false` and `undefined` mean not yet, and what it throws ends the wait
 * @param what says what was waited for, once it is in vain; without it the source of `look` does
 * @returns the first answer of `look` that is neither `false` nor `undefined`
 * @throws Error that says what was waited for, after 30 s
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  what = () => look.toString(),
): Promise<Exclude<T, false | undefined>> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS;
  for (;;) {
    const seen = await look();
    if (seen !== false && seen !== undefined) return seen as Exclude<T, false | undefined>;
    if (performance.now() > giveUpAt) throw new Error(`not within ${GIVE_UP_AFTER_MS} ms: ${what()}`);
    await sleep(POLL_MS);
  }
}
