import { existsSync } from 'node:fs';
import { localFolder } from './paths.mjs';
import { readOptions } from './read-options.mjs';
import { removeSystemData } from './remove-system-data.mjs';
import { stopRunningStart } from './stop-running-start.mjs';

/* npm run reset: stops a running start and deletes its data, logs, secrets and tokens. */
readOptions('Usage: npm run reset   (stops `npm start` of this folder and deletes its data)');
if (!existsSync(localFolder)) {
  console.log('Nothing to reset.');
  process.exit(0);
}
if (await stopRunningStart(localFolder)) console.log('Stopped.');
removeSystemData(localFolder);
console.log('The local data is gone; the next `npm start` begins anew.');
