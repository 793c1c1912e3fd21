import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isInstallStale, isNodeEnough } from './workspace.mjs';

describe('whether npm ci must run', () => {
  const installed = { lock: 'a', stamp: 'a', lockTimeMs: 1_000, installedTimeMs: 2_000 };

  it('runs when nothing is installed', () => {
    assert.equal(isInstallStale({ ...installed, installedTimeMs: undefined }), true);
  });
  it('does not run when the installed lock is this one, even if a checkout touched it', () => {
    assert.equal(isInstallStale({ ...installed, lockTimeMs: 3_000 }), false);
  });
  it('runs when the lock changed after the install', () => {
    assert.equal(isInstallStale({ ...installed, lock: 'b', lockTimeMs: 3_000 }), true);
  });
  it('trusts an npm install that somebody ran after the lock changed', () => {
    assert.equal(isInstallStale({ ...installed, lock: 'b', stamp: undefined }), false);
  });
});

describe('the Node version', () => {
  for (const [version, enough] of [
    ['18.20.0', false],
    ['20.18.3', false],
    ['20.19.0', true],
    ['22.0.0', true],
    ['24.1.0', true],
  ]) {
    it(`${version} is ${enough ? '' : 'not '}enough`, () => assert.equal(isNodeEnough(version), enough));
  }
});
