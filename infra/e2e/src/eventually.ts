import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;
/** Far beyond any promise: whoever waits this long waits for something that never comes. */
const GIVE_UP_MS = 30_000;

/** Asks until the answer is there. What the system does by itself, at a deadline or in the background, has no other end. */
export async function eventually<T>(ask: () => Promise<T | undefined>, what: string): Promise<T> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > giveUpAt) throw new Error(`never came: ${what}`);
    await sleep(POLL_MS);
  }
}
