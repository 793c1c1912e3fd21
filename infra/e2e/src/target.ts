import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The system under test, and what the suite may use to talk to it. */
export interface Target {
  /** The gateway; everything the suite asks goes through it. */
  url: string;
  /** Lets the suite mint tokens for as many people as it likes. */
  jwtSecret?: string;
  /** Where the secret is not known: ready tokens. Cases that need more buyers than there are tokens are skipped. */
  organiserToken?: string;
  buyerTokens: string[];
  /** The sandbox provider, to read its own books. Without it the cases about money taken are skipped. */
  provider?: { url: string; secretKey: string };
  /** By what address the system reaches the suite. Without it the cases in which webhooks arrive are skipped. */
  receiverHost?: string;
}

const VARIABLES = {
  url: 'HOLDFAST_E2E_URL',
  jwtSecret: 'HOLDFAST_JWT_SECRET',
  organiserToken: 'HOLDFAST_E2E_ORGANISER_TOKEN',
  buyerTokens: 'HOLDFAST_E2E_BUYER_TOKEN',
  providerUrl: 'HOLDFAST_STRIPE_API_URL',
  providerKey: 'HOLDFAST_STRIPE_SECRET_KEY',
  receiverHost: 'HOLDFAST_E2E_RECEIVER_HOST',
} as const;

/** The target as the environment names it; the command puts it there for the spec files, which jest runs apart. */
export function targetFromEnv(env: NodeJS.ProcessEnv): Target {
  const of = (name: keyof typeof VARIABLES) => env[VARIABLES[name]] || undefined;
  const [providerUrl, providerKey] = [of('providerUrl'), of('providerKey')];
  return {
    url: of('url') ?? '',
    jwtSecret: of('jwtSecret'),
    organiserToken: of('organiserToken'),
    buyerTokens: of('buyerTokens')?.split(',') ?? [],
    provider: providerUrl && providerKey ? { url: providerUrl, secretKey: providerKey } : undefined,
    receiverHost: of('receiverHost'),
  };
}

export function targetToEnv(target: Target): NodeJS.ProcessEnv {
  return {
    [VARIABLES.url]: target.url,
    [VARIABLES.jwtSecret]: target.jwtSecret ?? '',
    [VARIABLES.organiserToken]: target.organiserToken ?? '',
    [VARIABLES.buyerTokens]: target.buyerTokens.join(','),
    [VARIABLES.providerUrl]: target.provider?.url ?? '',
    [VARIABLES.providerKey]: target.provider?.secretKey ?? '',
    [VARIABLES.receiverHost]: target.receiverHost ?? '',
  };
}

/** The system of `npm start`, as its folder `.local` describes it; undefined while there is none. */
export function targetOfLocalSystem(folder: string): Target | undefined {
  const state = readJson<LocalState>(join(folder, 'state.json'));
  if (!state) return undefined;
  const secrets = readJson<{ jwt?: string; stripe?: string }>(join(folder, 'secrets.json'));
  const providerUrl = state.services['sandbox-provider'];
  return {
    url: state.url,
    jwtSecret: secrets?.jwt,
    organiserToken: state.tokens.organiser,
    buyerTokens: [state.tokens.buyer],
    provider: providerUrl && secrets?.stripe ? { url: providerUrl, secretKey: secrets.stripe } : undefined,
    receiverHost: '127.0.0.1',
  };
}

interface LocalState {
  url: string;
  tokens: { organiser: string; buyer: string };
  services: Partial<Record<string, string>>;
}

function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined;
}
