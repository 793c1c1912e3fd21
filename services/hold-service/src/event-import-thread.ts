import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { parseJsonBody, Problem, requestHash } from '@holdfast/http';
import { createEvent, findCreated, readClock } from '@holdfast/inventory';
import { DatabaseUnavailable, isDatabaseUnavailable, openDatabase } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import type { EventImport, Imported, ImportThreadData } from './event-imports';
import { readNewEvent } from './new-event';

/*
 * The thread that makes events, beside the one that answers buyers: everything that takes time for each seat happens here,
 * from reading the JSON to writing the statements, so that only bytes come in and only the event's description goes out.
 */

/** Of Linux, 0 to 19: where cores are short, buyers go first. */
const NICE = 10;

if (!parentPort) throw new Error('This is a thread of the hold-service, not a program.');
const port = parentPort;
// Without a number it is the calling thread's own, on Linux; elsewhere the whole process would give way.
if (process.platform === 'linux') setPriority(NICE);

const { postgresUrl } = workerData as ImportThreadData;
const database = openDatabase({ url: postgresUrl, applicationName: 'hold-service import', connectionsMax: 1 });

port.on('message', (job: EventImport) => {
  void importEvent(job).then((imported) => port.postMessage(imported));
});

async function importEvent({ organiserId, key, bytes }: EventImport): Promise<Imported> {
  try {
    const body = parseJsonBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const origin = { organiserId, key, bodyHash: requestHash(body) };
    // Looked up first: what was right when the event was made, as the end of its sale, may be over at a repeat.
    const known = await findCreated(database, origin);
    if (known) return known;
    const content = readNewEvent(body, await readClock(database));
    return await createEvent(database, { eventId: newId(), ...origin, ...content });
  } catch (error) {
    if (error instanceof Problem) return { outcome: 'refused', code: error.code, members: error.members };
    // What makes it a DatabaseUnavailable does not cross threads: it is made one again there.
    const isUnavailable = isDatabaseUnavailable(error);
    const cause = error instanceof DatabaseUnavailable ? error.cause : error;
    return { outcome: 'failed', error: cause as Error, isUnavailable };
  }
}
