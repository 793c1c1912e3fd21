import { existsSync } from 'node:fs';
import { localFolder } from './paths.mjs';
import { removeSystemData } from './remove-system-data.mjs';
import { stopRunningStart } from './stop-running-start.mjs';

/* npm run reset: stops a running start and deletes its data, logs, secrets and tokens. */
if (!existsSync(localFolder)) {
  console.log('Nothing to reset.');
  process.exit(0);
}
if (await stopRunningStart(localFolder)) console.log('Stopped.');
removeSystemData(localFolder);
console.log('The local data is gone; the next `npm start` begins anew.');
