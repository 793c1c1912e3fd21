import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const STATE_FILE = join(__dirname, '..', '..', '..', '.local', 'state.json');
const DEFAULT_URL = 'postgres://holdfast@127.0.0.1:5432/holdfast';

/** The environment's Postgres, else that of the running `npm start`, else the usual local address. */
export function postgresUrl(env: NodeJS.ProcessEnv = process.env, stateFile = STATE_FILE): string {
  return env['HOLDFAST_POSTGRES_URL'] || startedUrl(stateFile) || DEFAULT_URL;
}

function startedUrl(stateFile: string): string | undefined {
  try {
    const state = JSON.parse(readFileSync(stateFile, 'utf8')) as { servers?: { postgresUrl?: string } };
    return state.servers?.postgresUrl;
  } catch {
    // Nothing was started from this clone.
    return undefined;
  }
}
