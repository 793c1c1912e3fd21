import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { managedProcess, withCompanion } from './managed-process.mjs';

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
