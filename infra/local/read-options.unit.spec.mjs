import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const program = (name) => join(import.meta.dirname, `${name}.mjs`);
const ask = (name, ...args) => spawnSync(process.execPath, [program(name), ...args], { encoding: 'utf8' });

describe('every command', () => {
  for (const name of ['start', 'stop', 'reset', 'test', 'sample', 'e2e-compose']) {
    it(`${name} shows its usage, and does nothing else`, () => {
      const { status, stdout } = ask(name, '--help');
      assert.match(stdout, /^Usage: npm /);
      assert.equal(status, 0);
    });
    it(`${name} refuses an option that it does not know`, () => {
      const { status, stderr } = ask(name, '--unheard-of');
      assert.match(stderr, /^Unknown option '--unheard-of'.*\nUsage: npm /s);
      assert.equal(status, 2);
    });
  }
});
