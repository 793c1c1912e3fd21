import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accountFor } from './accounts.mjs';

const PASSWD =
  'root:x:0:0::/root:/bin/sh\npostgres:x:101:104::/var/lib/postgresql:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n';

describe('who a server runs as', () => {
  it("is the package's own user when we are root", () => {
    assert.deepEqual(accountFor('postgres', true, PASSWD), { name: 'postgres', uid: 101, gid: 104 });
  });
  it('is nobody when the package brought no user', () => {
    assert.equal(accountFor('redis', true, PASSWD).name, 'nobody');
  });
  it('is never root', () => {
    assert.throws(() => accountFor('redis', true, 'root:x:0:0::/root:/bin/sh\n'), /neither/);
  });
  it('is ourselves when we are not root', () => {
    assert.equal(accountFor('postgres', false, PASSWD), undefined);
  });
});
