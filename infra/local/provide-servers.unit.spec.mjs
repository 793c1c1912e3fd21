import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { chooseSources } from './provide-servers.mjs';
import { removeSystemData } from './remove-system-data.mjs';
import { fillTemplate } from './servers/nginx.mjs';

describe('where servers come from', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-sources-'));
  after(() => removeSystemData(folder));

  it('an address in the environment comes first, and is said', async () => {
    const said = [];
    const env = { HOLDFAST_REDIS_URL: 'redis://elsewhere:6379', HOLDFAST_CONTAINERS: 'never' };
    const sources = await chooseSources({ folder, names: ['redis'], log: (line) => said.push(line), env });
    assert.deepEqual(sources, { redis: { kind: 'given', url: 'redis://elsewhere:6379' } });
    assert.match(said.join('\n'), /HOLDFAST_REDIS_URL/);
  });
});

describe("the gateway's template", () => {
  it('has our values filled in and keeps variables of nginx', () => {
    assert.equal(
      fillTemplate('listen ${GATEWAY_LISTEN}; $request_id', { GATEWAY_LISTEN: '1' }),
      'listen 1; $request_id',
    );
  });
  it('with a name nobody fills in is refused', () => {
    assert.throws(() => fillTemplate('${GATEWAY_TYPO}', {}), /GATEWAY_TYPO/);
  });
});
