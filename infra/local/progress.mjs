/** A step that says nothing for this long says that it is still there. */
const HEARTBEAT_MS = 10_000;

/**
 * Says what is being done, and that it is still being done while it takes long.
 *
 * @param {(line: string) => void} log receives one line at a time
 * @param {string} what for example `Starting Postgres`
 * @param {() => Promise<T>} work
 * @returns {Promise<T>} what `work` gave
 * @template T
 */
export async function step(log, what, work) {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1_000);
  log(`${what} ...`);
  const heartbeat = setInterval(() => log(`  still: ${what} (${seconds()} s)`), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
  }
}
