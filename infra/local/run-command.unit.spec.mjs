import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runStreaming } from './run-command.mjs';

/** Ends in good order: it takes back what it has done, which takes a while. */
const ORDERLY = `
  process.on('SIGTERM', () => setTimeout(() => { console.log('taken back'); process.exit(1); }, 300));
  console.log('begun');
  setInterval(() => {}, 1_000);
`;

describe('a longer command', () => {
  it('is waited for when it is ended early', async () => {
    const abort = new AbortController();
    const onLine = (line) => line === 'begun' && abort.abort();
    const { ok, tail } = await runStreaming(process.execPath, ['--eval', ORDERLY], { signal: abort.signal, onLine });
    assert.equal(ok, false);
    assert.equal(tail, 'begun\ntaken back');
  });
  it('that is not there fails with the reason', async () => {
    const { ok, tail } = await runStreaming('/nowhere/program', []);
    assert.equal(ok, false);
    assert.match(tail, /ENOENT/);
  });
});
