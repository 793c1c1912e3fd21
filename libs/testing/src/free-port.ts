import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what systems give to outgoing connections: one of those may be taken between its choice and its use. */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_767;

let nextPort = randomInt(FIRST_PORT, LAST_PORT);

/** A port of this machine that nobody listens on at this moment, another one at each call; for a process that needs one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort;
    nextPort = port < LAST_PORT ? port + 1 : FIRST_PORT;
    const probe = createServer().listen(port, '127.0.0.1');
    try {
      await once(probe, 'listening');
      return port;
    } catch {
      // Taken: the next one.
    } finally {
      probe.close();
    }
  }
}
