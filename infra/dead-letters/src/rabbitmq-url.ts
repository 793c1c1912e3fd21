import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const STATE_FILE = join(__dirname, '..', '..', '..', '.local', 'state.json');
const DEFAULT_URL = 'amqp://guest:guest@127.0.0.1:5672';

/** The environment's RabbitMQ, else that of the running `npm start`, else the usual local address. */
export function rabbitmqUrl(env: NodeJS.ProcessEnv = process.env, stateFile = STATE_FILE): string {
  return env['HOLDFAST_RABBITMQ_URL'] || startedUrl(stateFile) || DEFAULT_URL;
}

function startedUrl(stateFile: string): string | undefined {
  try {
    const state = JSON.parse(readFileSync(stateFile, 'utf8')) as { servers?: { rabbitmqUrl?: string } };
    return state.servers?.rabbitmqUrl;
  } catch {
    // Nothing was started from this clone.
    return undefined;
  }
}
