import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** Its system stops only when a line comes in, and the use of it fails meanwhile. */
const PROGRAM = `
  const { withSystem } = require(${JSON.stringify(join(__dirname, '..', 'dist', 'with-system.js'))});
  const say = (line) => process.stdout.write(line + '\\n');
  let fail;
  void withSystem({
    start: () => 'a system',
    use: (system) => new Promise((resolve, reject) => { fail = reject; say('using ' + system); }),
    stop: async () => {
      say('stopping');
      void Promise.reject(new Error('its servers are gone'));
      await new Promise((resolve) => process.stdin.once('data', resolve));
      fail(new Error('its servers are gone'));
      say('stopped');
    },
  });
  process.stdin.resume();
`;

const line = async (from: Readable) => String(((await once(from, 'data')) as [Buffer])[0]).trim();

it.each(['SIGTERM', 'SIGINT'] as const)(
  '%s stops the system before the process ends, also when it comes twice',
  async (signal) => {
    const child = spawn(process.execPath, ['--eval', PROGRAM], { stdio: ['pipe', 'pipe', 'pipe'] });
    try {
      const ended = once(child, 'exit');
      expect(await line(child.stdout)).toBe('using a system');
      child.kill(signal);
      expect(await line(child.stdout)).toBe('stopping');
      child.kill(signal);
      child.stdin.write('\n');
      expect(await ended).toEqual([130, null]);
    } finally {
      child.kill('SIGKILL');
    }
  },
);
