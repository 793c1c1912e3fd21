const PATIENCE_MS = 20_000;
const POLL_MS = 10;

/** Polls until `condition` holds; what it waits for happens on real servers, in their own time. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const giveUpAt = Date.now() + PATIENCE_MS; !(await condition());) {
    if (Date.now() > giveUpAt) throw new Error(`not within ${PATIENCE_MS} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
