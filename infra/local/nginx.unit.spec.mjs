import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { nginx } from './servers/nginx.mjs';

it('writes a line for each hold-service, and none of them into a comment', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-nginx-'));
  try {
    const upstreams = { holdServices: [1001, 1002], paymentService: 1003, webhookService: 1004 };
    nginx.program({ programs: { server: 'nginx' }, folder, ports: { gateway: 1000 }, upstreams });
    const lines = readFileSync(join(folder, 'nginx.conf'), 'utf8').split('\n');
    const ofHoldServices = lines.filter((line) => /:100[12]\b/.test(line)).map((line) => line.trim());
    assert.deepEqual(ofHoldServices, ['server 127.0.0.1:1001 max_fails=0;', 'server 127.0.0.1:1002 max_fails=0;']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
