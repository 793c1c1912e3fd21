import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { nodeProgram } from './node.mjs';
import { repository } from './paths.mjs';

const VARIABLES = [
  'HOLDFAST_TEST_POSTGRES_URL',
  'HOLDFAST_TEST_REDIS_URL',
  'HOLDFAST_TEST_RABBITMQ_URL',
  'HOLDFAST_TEST_RABBITMQ_API_URL',
];

/**
 * Empty servers for the integration tests, unless the environment names some. They end with this process, whatever
 * becomes of it.
 *
 * @returns {Promise<{variables: Record<string, string>, stop: () => Promise<void>}>}
 */
export async function startTestServers(log) {
  if (VARIABLES.every((name) => process.env[name])) {
    log('  the ones named by HOLDFAST_TEST_*_URL');
    return { variables: {}, stop: async () => {} };
  }
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  // Servers that run as a user of their own must get to their data.
  chmodSync(folder, 0o755);
  const program = join(repository, 'infra', 'local', 'servers.mjs');
  const child = spawn(nodeProgram(), [program, 'up', '--folder', folder, '--temporary'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C is ours to handle: we stop the servers when the tests have ended.
    detached: true,
  });
  createInterface({ input: child.stderr }).on('line', (line) => log(`  ${line}`));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value, done } = await answers.next();
  if (done) throw new Error('The test servers could not be started.');
  const { postgres, redis, rabbitmq } = JSON.parse(value);
  const urls = [postgres.adminUrl, redis.url, rabbitmq.url, rabbitmq.apiUrl];
  return {
    variables: Object.fromEntries(VARIABLES.map((name, i) => [name, urls[i]])),
    stop: async () => {
      if (child.exitCode !== null) return;
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}
