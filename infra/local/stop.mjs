import { localFolder } from './paths.mjs';
import { stopRunningStart } from './stop-running-start.mjs';

/* npm stop: ends an `npm start` of this clone that runs in another terminal. */
const stopped = await stopRunningStart(localFolder);
console.log(stopped ? 'Stopped.' : 'Nothing runs here.');
