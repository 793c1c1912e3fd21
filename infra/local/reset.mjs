import { existsSync, rmSync } from 'node:fs';
import { containerPrefix } from './provide-servers.mjs';
import { findEngine, removeContainers } from './containers.mjs';
import { serverDataFolder } from './data-folder.mjs';
import { localFolder } from './paths.mjs';
import { stopRunningStart } from './stop-running-start.mjs';

/* npm run reset: stops a running start and deletes its data, logs, secrets and tokens. */
if (!existsSync(localFolder)) {
  console.log('Nothing to reset.');
  process.exit(0);
}
if (await stopRunningStart(localFolder)) console.log('Stopped.');
const engine = findEngine();
if (engine) removeContainers(engine, containerPrefix(localFolder));
for (const folder of [serverDataFolder(localFolder).path, localFolder])
  rmSync(folder, { recursive: true, force: true });
console.log('The local data is gone; the next `npm start` begins anew.');
