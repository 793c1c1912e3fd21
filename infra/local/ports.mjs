import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (from 32768 on Linux, from 49152 elsewhere): one of those may
 * be taken by any connection between its choice and the start of its server.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_767;
/** Several commands may choose at once: each begins somewhere else. */
let nextPort = randomInt(FIRST_PORT, LAST_PORT);

/** Whether this machine's loopback has nobody listening on the port, and we may listen there. */
export function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** A port nobody uses now. Another one each time, until all have been asked for. */
export async function anyFreePort() {
  for (let looked = 0; looked <= LAST_PORT - FIRST_PORT; looked++) {
    const port = nextPort;
    nextPort = port < LAST_PORT ? port + 1 : FIRST_PORT;
    if (await isFree(port)) return port;
  }
  throw new Error(`No port between ${FIRST_PORT} and ${LAST_PORT} is free.`);
}

/** The first of the wished ports that is free; any free one when none is. */
export async function choosePort(...wished) {
  for (const port of wished) if (port && (await isFree(port))) return port;
  return anyFreePort();
}

/** Whether somebody accepts connections there. */
export function accepts(port, host = '127.0.0.1', timeoutMs = 1_000) {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: timeoutMs });
    const answer = (open) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => answer(true));
    socket.once('timeout', () => answer(false));
    socket.once('error', () => answer(false));
  });
}
