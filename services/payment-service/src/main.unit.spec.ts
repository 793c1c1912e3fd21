import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

it('names a setting that is wrong, without a stack trace', () => {
  const main = join(__dirname, '..', 'dist', 'main.js');
  const env = { HOLDFAST_HTTP_PORT: 'secret' };
  const { status, stderr } = spawnSync(process.execPath, [main], { env, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^Configuration is not valid:\n/);
  expect(stderr).toContain('  - HOLDFAST_HTTP_PORT: ');
  expect(stderr).not.toMatch(/secret|\n {4}at /);
});
