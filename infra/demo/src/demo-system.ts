import type { ExpiryEngineName } from '@holdfast/expiry';
import { SignJWT } from 'jose';
import type { Provider } from './evidence';
import { startTemporarySystem } from './temporary-system';

/** What the demo needs of a system: its front door, and the keys to all of its books. */
export interface DemoSystem {
  url: string;
  postgresUrl: string;
  redisUrl?: string;
  rabbitmqUrl?: string;
  provider: Provider;
  token(subject: string, role: 'buyer' | 'organiser'): Promise<string>;
  /** @param keepData for somebody who has to find out what went wrong */
  stop(keepData: boolean): Promise<void>;
}

const TOKEN_LIFE = '2h';

/**
 * A whole system for this demo alone: its own servers, services and data, all gone after `stop`.
 *
 * @param abort ends a start that is under way; it then rejects and leaves nothing running
 */
export async function startOwnSystem(
  engine: ExpiryEngineName,
  log: (line: string) => void,
  abort: AbortSignal,
): Promise<DemoSystem> {
  const system = await startTemporarySystem('demo', log, { engine, abort });
  return {
    url: system.url,
    ...system.servers,
    provider: { url: system.services['sandbox-provider'], secretKey: system.stripeSecretKey },
    token: (subject, role) => Promise.resolve(system.token(subject, [role])),
    stop: (keepData) => system.stop(keepData),
  };
}

/** Names of the variables that say where the books of a running system are. */
const BOOKS = [
  'HOLDFAST_JWT_SECRET',
  'HOLDFAST_POSTGRES_URL',
  'HOLDFAST_STRIPE_API_URL',
  'HOLDFAST_STRIPE_SECRET_KEY',
] as const;

/**
 * A system that runs already. The demo adds an event of its own to it and leaves it running.
 *
 * @throws Error when the environment does not say where its books are: without them there is nothing to judge by
 */
export function useRunningSystem(url: string, env: NodeJS.ProcessEnv = process.env): DemoSystem {
  const missing = BOOKS.filter((name) => !env[name]);
  if (missing.length > 0) throw new Error(`To judge ${url}, the demo needs ${missing.join(', ')}.`);
  const of = (name: (typeof BOOKS)[number]) => env[name] ?? '';
  const secret = new TextEncoder().encode(of('HOLDFAST_JWT_SECRET'));
  return {
    url: url.replace(/\/$/, ''),
    postgresUrl: of('HOLDFAST_POSTGRES_URL'),
    redisUrl: env.HOLDFAST_REDIS_URL,
    rabbitmqUrl: env.HOLDFAST_RABBITMQ_URL,
    provider: { url: of('HOLDFAST_STRIPE_API_URL'), secretKey: of('HOLDFAST_STRIPE_SECRET_KEY') },
    token: (subject, role) =>
      new SignJWT({ roles: [role] })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(subject)
        .setExpirationTime(TOKEN_LIFE)
        .sign(secret),
    stop: () => Promise.resolve(),
  };
}
