import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXPIRY_ENGINES } from '@holdfast/expiry';

it('the local start knows the engines there are', () => {
  const source = readFileSync(join(__dirname, '..', '..', 'local', 'engines.mjs'), 'utf8');
  const [, list = ''] = /ENGINES = \[([^\]]*)\]/.exec(source) ?? [];
  expect([...list.matchAll(/'([a-z-]+)'/g)].map(([, name]) => name)).toEqual([...EXPIRY_ENGINES]);
});
