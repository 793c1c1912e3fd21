import { areEngines, ENGINES } from './engines.mjs';
import { readJson } from './json-file.mjs';
import { localFolder } from './paths.mjs';
import { readOptions, refuseOptions } from './read-options.mjs';
import { markRunning, runningStart, unmarkRunning } from './running-start.mjs';
import { startSystem, stateFile } from './system.mjs';
import { tour } from './tour.mjs';
import { build, ensurePackages, INTERRUPTED, requireNode } from './workspace.mjs';

/* npm start: packages, servers, build, schema, services, a sample event; then runs until Ctrl-C or `npm stop`. */
const INSTANCES_MAX = 16;
const PORT_MAX = 65_535;
const HELP = `Usage: npm start -- [--engine NAME] [--port N] [--instances N]

  --engine  what wakes the expiry-worker at a deadline: ${ENGINES.join(', ')}
            (default: parking); while changing it, both: the new one, a comma, the old one
  --port    of the gateway (default: 8080, or any free one when it is taken)
  --instances  of the hold-service behind the gateway (default: 1)`;

requireNode();
const options = startOptions();
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
    if (!system && !abort.signal.aborted) log('Stopping ...');
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
  console.error(abort.signal.aborted ? 'Stopped before it was ready.' : `\n${error.message}`);
  process.exit(abort.signal.aborted ? INTERRUPTED : 1);
}

function startOptions() {
  const values = readOptions(HELP, {
    engine: { type: 'string' },
    port: { type: 'string' },
    instances: { type: 'string', default: '1' },
  });
  const port = values.port === undefined ? undefined : Number(values.port);
  if (values.engine && !areEngines(values.engine)) refuseOptions(HELP, `There is no engine "${values.engine}".`);
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port <= PORT_MAX)) {
    refuseOptions(HELP, `--port takes a number from 1 to ${PORT_MAX}.`);
  }
  const instances = Number(values.instances);
  if (!(Number.isInteger(instances) && instances > 0 && instances <= INSTANCES_MAX)) {
    refuseOptions(HELP, `--instances takes a number from 1 to ${INSTANCES_MAX}.`);
  }
  return { engine: values.engine, port, instances };
}
