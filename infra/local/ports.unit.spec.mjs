import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { anyFreePort, choosePort } from './ports.mjs';

async function withTakenPort(work) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await work(server.address().port);
  } finally {
    server.close();
  }
}

describe('choosing a port', () => {
  it('takes the first wished one that is free', async () => {
    const free = await anyFreePort();
    await withTakenPort(async (taken) => assert.equal(await choosePort(taken, undefined, free), free));
  });
  it('takes any free one when none is', async () => {
    await withTakenPort(async (taken) => assert.notEqual(await choosePort(taken), taken));
  });
  it('takes none that an outgoing connection could take first, and not the same twice', async () => {
    const ports = await Promise.all([anyFreePort(), anyFreePort(), anyFreePort()]);
    assert.equal(new Set(ports).size, ports.length);
    for (const port of ports) assert.ok(port < 32_768, `${port}`);
  });
});
