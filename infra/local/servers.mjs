import { createInterface } from 'node:readline';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { processRegister } from './process-register.mjs';
import { chooseSources, serverHandle } from './provide-servers.mjs';
import { removeSystemData } from './remove-system-data.mjs';
import { loadSecrets } from './secrets.mjs';

/*
 * Servers alone, for tests:
 *
 *   node infra/local/servers.mjs up --folder DIR [--only redis,postgres] [--temporary]
 *
 * Writes one line of JSON when they are ready: { "postgres": { "url", "adminUrl" }, "redis": { "url" }, "rabbitmq": { "url", "apiUrl" } }.
 * Then obeys lines on standard input, `kill redis`, `stop redis`, `start redis`, `pause redis`, `resume redis`, and answers
 * each with one line, {"ok":true} or {"ok":false,"error":"..."}. When standard input ends, everything is stopped, and with
 * --temporary the data is deleted: a test run that dies leaves nothing behind.
 */
const VERBS = new Set(['start', 'stop', 'kill', 'pause', 'resume']);
const ALL = 'postgres,redis,rabbitmq';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string' },
    only: { type: 'string', default: ALL },
    temporary: { type: 'boolean', default: false },
  },
});
if (positionals[0] !== 'up' || !values.folder) {
  console.error('Usage: node infra/local/servers.mjs up --folder DIR [--only postgres,redis,rabbitmq] [--temporary]');
  process.exit(2);
}

const folder = resolve(values.folder);
const names = values.only.split(',');
const log = (line) => process.stderr.write(`${line}\n`);
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const handles = {};

let stopping;
function stopAll() {
  stopping ??= (async () => {
    for (const handle of Object.values(handles)) await handle.resume();
    await Promise.all(Object.values(handles).map((handle) => handle.stop()));
  })();
  return stopping;
}
async function end(status) {
  await stopAll();
  if (values.temporary) removeSystemData(folder);
  process.exit(status);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(0));

const lines = createInterface({ input: process.stdin });
lines.once('close', () => void end(0));

try {
  mkdirSync(folder, { recursive: true });
  const register = processRegister(folder);
  await register.stopLeftovers();
  // Whoever asks for private servers wants them to itself: addresses in the environment do not count.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^HOLDFAST_\w+_URL$/.test(name)));
  const sources = await chooseSources({ folder, names, log, env });
  const secrets = loadSecrets(folder);
  for (const name of names) {
    handles[name] = await serverHandle(name, sources[name], { folder, secrets, register, delayedExchange: true });
  }
  await Promise.all(Object.values(handles).map((handle) => handle.start()));
} catch (error) {
  log(error.message);
  await end(1);
}

answer(
  Object.fromEntries(
    Object.entries(handles).map(([name, { url, adminUrl, apiUrl }]) => [name, { url, adminUrl, apiUrl }]),
  ),
);

// One after the other, in the order they were asked.
let previous = Promise.resolve();
lines.on('line', (line) => {
  const [verb, name] = line.trim().split(' ');
  previous = previous.then(async () => {
    try {
      if (!VERBS.has(verb) || !handles[name]) throw new Error(`Unknown command: ${line}`);
      await handles[name][verb]();
      answer({ ok: true });
    } catch (error) {
      answer({ ok: false, error: error.message });
    }
  });
});
