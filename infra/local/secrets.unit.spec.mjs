import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadSecrets, mintToken, TOKEN_LIFE_S } from './secrets.mjs';

describe('secrets', () => {
  it('are made once, kept, and readable for their owner alone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'));
    try {
      const first = loadSecrets(folder);
      assert.deepEqual(loadSecrets(folder), first);
      assert.equal(statSync(join(folder, 'secrets.json')).mode & 0o777, 0o600);
      assert.equal(new Set(Object.values(first)).size, Object.keys(first).length);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('sign tokens that name subject, roles and end', () => {
    const [head, body, signature] = mintToken('a secret', 'buyer-1', ['buyer'], 1_000).split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    assert.deepEqual(claims, { sub: 'buyer-1', roles: ['buyer'], iat: 1_000, exp: 1_000 + TOKEN_LIFE_S });
    assert.equal(signature, createHmac('sha256', 'a secret').update(`${head}.${body}`).digest('base64url'));
  });
});
