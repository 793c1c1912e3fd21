import { parseArgs } from 'node:util';
import { areEngines, ENGINES } from './engines.mjs';
import { readJson } from './json-file.mjs';
import { localFolder } from './paths.mjs';
import { markRunning, runningStart, unmarkRunning } from './running-start.mjs';
import { startSystem, stateFile } from './system.mjs';
import { tour } from './tour.mjs';
import { build, ensurePackages, requireNode } from './workspace.mjs';

/* npm start: packages, servers, build, schema, services, a sample event; then runs until Ctrl-C or `npm stop`. */
const INSTANCES_MAX = 16;
const HELP = `Usage: npm start -- [--engine NAME] [--port N] [--instances N]

  --engine  what wakes the expiry-worker at a deadline: ${ENGINES.join(', ')}
            (default: parking); while changing it, both: the new one, a comma, the old one
  --port    of the gateway (default: 8080, or any free one when it is taken)
  --instances  of the hold-service behind the gateway (default: 1)`;

requireNode();
const options = readOptions();
const log = (line) => console.log(line);

const other = runningStart(localFolder);
if (other) {
  const { url } = readJson(stateFile(localFolder), {});
  log(`Holdfast runs already${url ? ` at ${url}` : ', still starting'} (process ${other}). \`npm stop\` ends it.`);
  process.exit(0);
}
markRunning(localFolder);

const abort = new AbortController();
let system;
let ending;
function end(status) {
  ending ??= (async () => {
    if (system) log('Stopping ...');
    await system?.stop();
    unmarkRunning(localFolder);
    log('Stopped. The data is kept; `npm run reset` deletes it.');
    process.exit(status);
  })();
  return ending;
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    abort.abort();
    if (system) void end(0);
  });
}

try {
  await ensurePackages(log, abort.signal);
  await build(log, abort.signal);
  system = await startSystem({
    ...options,
    folder: localFolder,
    log,
    sampleEvent: true,
    usualPorts: true,
    restart: true,
    abort: abort.signal,
  });
  log(tour(system));
  log(`Ready ${system.url}`);
} catch (error) {
  unmarkRunning(localFolder);
  if (!abort.signal.aborted) console.error(`\n${error.message}`);
  process.exit(abort.signal.aborted ? 130 : 1);
}

function readOptions() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        engine: { type: 'string' },
        port: { type: 'string' },
        instances: { type: 'string', default: '1' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    return usage(error.message);
  }
  if (values.help) return usage();
  const port = values.port === undefined ? undefined : Number(values.port);
  if (values.engine && !areEngines(values.engine)) return usage(`There is no engine "${values.engine}".`);
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
    return usage('--port takes a number.');
  const instances = Number(values.instances);
  if (!(Number.isInteger(instances) && instances > 0 && instances <= INSTANCES_MAX))
    return usage(`--instances takes a number from 1 to ${INSTANCES_MAX}.`);
  return { engine: values.engine, port, instances };
}

function usage(complaint) {
  if (complaint) console.error(complaint);
  console.log(HELP);
  process.exit(complaint ? 2 : 0);
}
