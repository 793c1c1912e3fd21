import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { isAlive, managedProcess, withCompanion } from './managed-process.mjs';

it('leaves nothing of a process that was killed without what it had started', { timeout: 10_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-processes-'));
  const logFile = join(folder, 'script.log');
  let died;
  const death = new Promise((resolve) => (died = resolve));
  const script = managedProcess({
    name: 'script',
    command: '/bin/sh',
    args: ['-c', `"${process.execPath}" -e 'console.log(process.pid); setInterval(() => undefined, 1_000)'; true`],
    env: {},
    cwd: folder,
    logFile,
    isReady: () => Promise.resolve(readFileSync(logFile, 'utf8') !== ''),
    onDeath: died,
  });
  await script.start();
  const server = Number(readFileSync(logFile, 'utf8'));
  process.kill(script.pid, 'SIGKILL');
  await death;
  while (isAlive(server)) await new Promise((resolve) => setTimeout(resolve, 10));
  rmSync(folder, { recursive: true });
});

describe('a process and one that it needs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-processes-'));
  const processes = [];
  after(async () => {
    await Promise.all(processes.map((each) => each.kill()));
    rmSync(folder, { recursive: true });
  });

  function sleeper(name) {
    let died;
    const death = new Promise((resolve) => (died = resolve));
    const instance = managedProcess({
      name,
      command: process.execPath,
      args: ['-e', 'setInterval(() => undefined, 1_000)'],
      env: {},
      cwd: folder,
      logFile: join(folder, `${name}.log`),
      isReady: () => Promise.resolve(true),
      onDeath: died,
    });
    processes.push(instance);
    return { instance, death };
  }

  for (const which of ['main', 'companion']) {
    it(`start again where only the ${which} one was killed`, async () => {
      const parts = { main: sleeper('main'), companion: sleeper('companion') };
      const { main, companion } = parts;
      const both = withCompanion(main.instance, companion.instance);
      await both.start();
      const before = { main: main.instance.pid, companion: companion.instance.pid };

      process.kill(before[which], 'SIGKILL');
      await parts[which].death;
      await both.start();

      for (const name of ['main', 'companion']) {
        const { pid } = parts[name].instance;
        assert.ok(pid, name);
        assert.equal(pid === before[name], name !== which, name);
      }
      await both.stop();
      assert.deepEqual([main.instance.pid, companion.instance.pid], [undefined, undefined]);
    });
  }
});
