import { mkdirSync } from 'node:fs';
import { localFolder } from './paths.mjs';
import { readOptions, refuseOptions } from './read-options.mjs';
import { ensureSampleEvent } from './sample-event.mjs';
import { mintToken } from './secrets.mjs';
import { prepareWorkspace, requireNode } from './workspace.mjs';

/*
 * npm run sample: the sample event of `npm start` on a system that runs elsewhere, and tokens for it. Standard output is
 * one JSON object, { url, eventId, tokens: { organiser, buyer } }; what we say goes to standard error.
 */
const URL_DEFAULT = 'http://127.0.0.1:8080';
/** The one docker-compose.yml has for development. */
const JWT_SECRET_DEFAULT = 'development-only-secret-of-holdfast';

const USAGE = `Usage: npm run -s sample -- [--url URL]   (the gateway; default: ${URL_DEFAULT})`;

requireNode();
const { url } = readOptions(USAGE, { url: { type: 'string', default: URL_DEFAULT } });
if (!URL.canParse(url)) refuseOptions(USAGE, '--url takes an address, for example http://127.0.0.1:8080.');
const log = (line) => process.stderr.write(`${line}\n`);
try {
  const secret = process.env.HOLDFAST_JWT_SECRET || JWT_SECRET_DEFAULT;
  await prepareWorkspace(log);
  mkdirSync(localFolder, { recursive: true });
  const tokens = {
    organiser: mintToken(secret, 'organiser-1', ['organiser']),
    buyer: mintToken(secret, 'buyer-1', ['buyer']),
  };
  const eventId = await ensureSampleEvent({ url, token: tokens.organiser, folder: localFolder });
  console.log(JSON.stringify({ url, eventId, tokens }, null, 2));
} catch (error) {
  log(error.message);
  process.exitCode = 1;
}
