import { localFolder } from './paths.mjs';
import { readOptions } from './read-options.mjs';
import { stopRunningStart } from './stop-running-start.mjs';

/* npm stop: ends an `npm start` of this clone that runs in another terminal. */
readOptions('Usage: npm stop');
const stopped = await stopRunningStart(localFolder);
console.log(stopped ? 'Stopped.' : 'Nothing runs here.');
