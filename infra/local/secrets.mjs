import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readJson, writeJson } from './json-file.mjs';

const SECRET_BYTES = 24;
const DAY_S = 24 * 60 * 60;

/** Tokens of a development system outlive a sprint, not a laptop. */
export const TOKEN_LIFE_S = 30 * DAY_S;

const SECRET_NAMES = [
  'jwt',
  'stripe',
  'stripeWebhook',
  'postgresAdmin',
  'postgresOwner',
  'postgresHold',
  'postgresPayment',
  'postgresExpiry',
  'postgresWebhook',
  'redisAdmin',
  'redisHold',
  'redisExpiry',
  'rabbitmqAdmin',
  'rabbitmqHold',
  'rabbitmqPayment',
  'rabbitmqExpiry',
  'webhookKey',
];

/** As Stripe's secrets begin. */
const PREFIXES = { stripe: 'sk_test_', stripeWebhook: 'whsec_' };

/** The generated secrets of one system: made once, kept in `secrets.json` for its owner alone. */
export function loadSecrets(folder) {
  const file = join(folder, 'secrets.json');
  const known = readJson(file, {});
  const missing = SECRET_NAMES.filter((name) => !known[name]);
  if (missing.length === 0) return known;
  const secrets = { ...known, ...Object.fromEntries(missing.map((name) => [name, newSecret(name)])) };
  writeJson(file, secrets);
  return secrets;
}

// Hexadecimal, because every one of them may become part of a URL, a configuration file or a statement.
const newSecret = (name) => (PREFIXES[name] ?? '') + randomBytes(SECRET_BYTES).toString('hex');

/**
 * A signed development token (JWT, HS256).
 *
 * @param {string} secret
 * @param {string} subject
 * @param {string[]} roles buyer, organiser or service
 */
export function mintToken(secret, subject, roles, nowS = Math.floor(Date.now() / 1_000)) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: subject, roles, iat: nowS, exp: nowS + TOKEN_LIFE_S };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
