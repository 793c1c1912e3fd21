import { hkdfSync } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

const SECRET_BYTES = 32;
const SECRET_PREFIX = 'whsec_';

/** What the secrets of all endpoints are derived from. */
export interface MasterKeys {
  current: string;
  /** Signs as well while it is given. */
  previous?: string;
}

/**
 * The signing secret of an endpoint, `whsec_...` as Standard Webhooks writes it. Derived (HKDF, RFC 5869) and never
 * stored: whoever reads the database can sign nothing.
 *
 * @param generation counts from 1, one more with each rotation
 */
export function secretOf(masterKey: string, endpointId: string, generation: number): string {
  const bytes = hkdfSync('sha256', masterKey, endpointId, `holdfast webhook secret ${generation}`, SECRET_BYTES);
  return SECRET_PREFIX + Buffer.from(bytes).toString('base64');
}

export interface SigningEndpoint {
  endpointId: string;
  secretGeneration: number;
  /** The generation before still signs. */
  previousSigns: boolean;
}

/** Every secret that signs for an endpoint now, the newest first. */
export function signingSecrets(keys: MasterKeys, endpoint: SigningEndpoint): string[] {
  const { endpointId, secretGeneration, previousSigns } = endpoint;
  const generations = previousSigns ? [secretGeneration, secretGeneration - 1] : [secretGeneration];
  const masterKeys = keys.previous === undefined ? [keys.current] : [keys.current, keys.previous];
  return masterKeys.flatMap((masterKey) => generations.map((nth) => secretOf(masterKey, endpointId, nth)));
}

/**
 * The headers of a delivery, https://www.standardwebhooks.com: one signature for each secret.
 *
 * @param at when this attempt is made
 */
export function signedHeaders(secrets: string[], webhookId: string, at: Date, body: string): Record<string, string> {
  return {
    'webhook-id': webhookId,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(webhookId, at, body)).join(' '),
  };
}
