import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, removeFile } from './json-file.mjs';
import { nodeProgram } from './node.mjs';
import { localFolder, repository } from './paths.mjs';
import { step } from './progress.mjs';
import { readOptions, refuseOptions } from './read-options.mjs';
import { removeSystemData } from './remove-system-data.mjs';
import { findProgram, runStreaming } from './run-command.mjs';
import { markRunning, runningStart, unmarkRunning } from './running-start.mjs';
import { startSystem } from './system.mjs';
import { startTestServers } from './test-servers.mjs';
import { ensurePackages, requireNode } from './workspace.mjs';

/*
 * npm test: everything the project is judged by, on servers of its own. Its last line is `N passed, N failed`: tests,
 * and among the failed also every check (format, lint, types, generated files) that did not pass.
 */
const KINDS = ['lint', 'unit', 'int', 'e2e'];
const USAGE = `Usage: npm test -- [--only ${KINDS.join('|')}]   (a comma list takes several)`;
const WORKERS = '2';
/** A hung run ends as a failed one: about twice what a run takes on two cores. */
const JEST_TIMEOUT_MS = 9 * 60_000;
const FAILED_LINES_MAX = 400;

requireNode();
const wanted = readWanted();
const folder = join(localFolder, 'test');
const log = (line) => console.log(line);
const totals = { passed: 0, failed: 0 };
const failures = [];
const abort = new AbortController();
let stopServers = async () => {};
let system;

if (runningStart(folder)) {
  console.error('Another `npm test` of this clone is running.');
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
markRunning(folder);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => abort.abort());

try {
  await ensurePackages(log, abort.signal);
  if (wanted.has('lint')) await check('Format (prettier)', 'prettier', ['--check', '--log-level', 'warn', '.']);
  await check('Types and build (tsc)', 'typescript/tsc', ['-b', 'tsconfig.json']);
  if (wanted.has('lint')) {
    // Without a cached project graph the rule about module boundaries lets everything pass.
    await check('Project graph (nx)', 'nx', ['graph', '--file', join(folder, 'graph.json')]);
    await check('Lint with module boundaries (eslint)', 'eslint', ['.', '--max-warnings', '0']);
    await checkAlarms();
  }
  if (wanted.has('unit')) await localTests();
  if (wanted.has('unit')) await jest('unit');
  if (wanted.has('lint') || wanted.has('int')) await withTestServers();
  if (wanted.has('e2e')) await endToEndTests();
} catch (error) {
  fail(error.message);
} finally {
  await system?.stop();
  await stopServers();
  unmarkRunning(folder);
}
if (abort.signal.aborted) fail('Interrupted.');
if (failures.length > 0) log(`\nFailed:\n${failures.map((failure) => `  - ${failure}`).join('\n')}`);
log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed > 0 ? 1 : 0);

/** One check that passes or fails as a whole. */
async function check(what, tool, args, env = {}) {
  await checkProgram(what, nodeProgram(), tool ? [toolPath(tool), ...args] : args, env);
}

async function checkProgram(what, program, args, env = {}) {
  const { ok, tail } = await step(log, what, () => runProgram(program, args, { env: { ...process.env, ...env } }));
  if (ok) return;
  log(tail);
  fail(what);
}

/** By Prometheus itself, where it is: its package is too large (100 MB) to be installed for this alone. */
async function checkAlarms() {
  const promtool = findProgram('promtool');
  if (!promtool) {
    log("Alarms: not checked, for there is no promtool here; it comes with Debian's package `prometheus`.");
    return;
  }
  const alarms = join('infra', 'prometheus', 'alerts.yml');
  for (const [what, args] of [
    ['Alarms: rules (promtool)', ['check', 'rules', '--lint-fatal', alarms]],
    ['Alarms: how they are loaded (promtool)', ['check', 'config', alarms.replace('alerts', 'prometheus')]],
    ['Alarms: when they fire (promtool)', ['test', 'rules', alarms.replace('.yml', '.test.yml')]],
  ]) {
    await checkProgram(what, promtool, args);
  }
}

/** The provisioner has no packages, so its own tests use Node's runner. */
async function localTests() {
  const lines = [];
  const specs = readdirSync(join(repository, 'infra', 'local')).filter((name) => name.endsWith('.unit.spec.mjs'));
  const args = ['--test', '--test-reporter', 'tap', ...specs.map((name) => join('infra', 'local', name))];
  const { tail } = await step(log, 'Unit tests of the local start (node --test)', () =>
    runNode(args, { onLine: (line) => lines.push(line) }),
  );
  const count = (name) => Number(lines.findLast((line) => line.startsWith(`# ${name} `))?.split(' ')[2] ?? 0);
  totals.passed += count('pass');
  if (count('fail') > 0 || count('pass') === 0) {
    log(tail);
    fail('Unit tests of the local start', Math.max(1, count('fail')));
  }
}

async function withTestServers() {
  const { variables, stop } = await step(log, 'Starting test servers', () => startTestServers(log));
  stopServers = stop;
  if (wanted.has('lint')) {
    const generator = join('infra', 'generate', 'dist', 'index.js');
    // The dumped schema among them comes from a real database.
    await check('Generated files are current', undefined, [generator, '--check'], variables);
  }
  if (wanted.has('int')) await jest('int', variables);
  await stop();
}

async function jest(kind, env = {}) {
  const file = join(folder, `${kind}.json`);
  // The report of an earlier run must not pass for this one's.
  removeFile(file);
  const args = ['--selectProjects', kind, '--maxWorkers', WORKERS, '--json', '--outputFile', file];
  const { ok, tail } = await step(log, `Tests: ${kind} (jest)`, () =>
    runNode([toolPath('jest'), ...args], {
      env: { ...process.env, ...env },
      timeout: JEST_TIMEOUT_MS,
      onLine: (line) => /^(PASS|FAIL)|✕|●/.test(line.trim()) && log(`  ${line}`),
    }),
  );
  const report = readJson(file);
  const failed = (report?.numFailedTests ?? 0) + (report?.numRuntimeErrorTestSuites ?? 0);
  totals.passed += report?.numPassedTests ?? 0;
  if (report?.numPendingTests) log(`  skipped: ${report.numPendingTests} (each says why in its name)`);
  if (ok && failed === 0) return;
  log(tail);
  fail(report ? `Tests: ${kind}` : `Tests: ${kind}, which ended without a report`, Math.max(1, failed));
}

async function endToEndTests() {
  const systemFolder = join(folder, 'system');
  removeSystemData(systemFolder);
  system = await startSystem({ folder: systemFolder, log, abort: abort.signal });
  const program = join('infra', 'e2e', 'dist', 'index.js');
  let lastCount;
  const { ok, tail } = await step(log, 'Tests: end to end', () =>
    runNode([program, '--url', system.url], {
      env: {
        ...process.env,
        HOLDFAST_JWT_SECRET: system.jwtSecret,
        HOLDFAST_E2E_ORGANISER_TOKEN: system.tokens.organiser,
        HOLDFAST_E2E_BUYER_TOKEN: system.tokens.buyer,
        HOLDFAST_STRIPE_API_URL: system.services['sandbox-provider'],
        HOLDFAST_STRIPE_SECRET_KEY: system.stripeSecretKey,
        HOLDFAST_E2E_RECEIVER_HOST: '127.0.0.1',
      },
      timeout: JEST_TIMEOUT_MS,
      onLine: (line) => {
        lastCount = /(\d+) passed, (\d+) failed$/.exec(line.trim()) ?? lastCount;
        if (/^(PASS|FAIL)|✕|●/.test(line.trim())) log(`  ${line}`);
      },
    }),
  );
  const [, passed = 0, failed = 0] = (lastCount ?? []).map(Number);
  totals.passed += passed;
  if (!ok || !lastCount) {
    log(tail);
    fail('Tests: end to end', Math.max(1, failed));
  }
  await system.stop();
  system = undefined;
  if (ok) removeSystemData(systemFolder);
}

function fail(what, count = 1) {
  totals.failed += count;
  failures.push(what);
}

function runNode(args, options) {
  return runProgram(nodeProgram(), args, options);
}

function runProgram(program, args, options = {}) {
  if (abort.signal.aborted) throw new Error('Interrupted.');
  return runStreaming(program, args, {
    cwd: repository,
    tailLines: FAILED_LINES_MAX,
    signal: abort.signal,
    ...options,
  });
}

/** The program of an installed package, without npx in between. */
function toolPath(tool) {
  const [name, command = name] = tool.split('/');
  const { bin } = readJson(join(repository, 'node_modules', name, 'package.json'));
  return join('node_modules', name, typeof bin === 'string' ? bin : bin[command]);
}

function readWanted() {
  const { only } = readOptions(USAGE, { only: { type: 'string', multiple: true } });
  const kinds = (only ?? KINDS).flatMap((value) => value.split(','));
  const unknown = kinds.find((kind) => !KINDS.includes(kind));
  if (unknown !== undefined) refuseOptions(USAGE, `There are no tests of the kind "${unknown}".`);
  return new Set(kinds);
}
