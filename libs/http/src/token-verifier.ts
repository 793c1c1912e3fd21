import { subtle } from 'node:crypto';
import { createRemoteJWKSet, errors, jwtVerify, type CryptoKey, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import type { HttpConfig } from './http-config';
import { problem, unavailable } from './problems';

const ROLES = ['buyer', 'organiser', 'service'] as const;
export type Role = (typeof ROLES)[number];

/** Who sends a request, as the token says. */
export interface Identity {
  /** The token's `sub`: a buyer's or organiser's id. */
  id: string;
  roles: Role[];
}

/** A longer header is not one of our tokens, and must not fill the cache. */
const TOKEN_LENGTH_MAX = 4_096;
/** Without control characters, which cannot be stored. */
const SUBJECT = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

/**
 * Tokens kept after their verification. jose took 0.26 ms for each HS256 check, as much as the rest of a hold's
 * handling: a buyer's token is checked once and its result kept until it expires.
 */
const TOKENS_MAX = 50_000;

const SHARED_SECRET_ALGORITHMS = ['HS256'];
const PUBLIC_KEY_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];

interface Verified {
  identity: Identity;
  expiresAtMs: number;
}

/** Checks bearer tokens against the shared secret or the issuer's published keys. No clock tolerance; `exp` is required. */
export class TokenVerifier {
  private readonly verified = new LRUCache<string, Verified>({ max: TOKENS_MAX });
  private readonly key: Promise<CryptoKey> | JWTVerifyGetKey;
  private readonly algorithms: string[];

  constructor(private readonly config: Pick<HttpConfig, 'jwtSecret' | 'jwksUrl' | 'jwtIssuer' | 'jwtAudience'>) {
    if (config.jwksUrl) {
      this.key = createRemoteJWKSet(new URL(config.jwksUrl));
      this.algorithms = PUBLIC_KEY_ALGORITHMS;
    } else {
      // As Web Crypto's own key: jose imports bytes and Node's key objects anew for every token, which took more than
      // the check itself.
      const secret = Buffer.from(config.jwtSecret ?? '', 'utf8');
      this.key = subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
      this.key.catch(() => undefined);
      this.algorithms = SHARED_SECRET_ALGORITHMS;
    }
  }

  /**
   * @param authorization the request's Authorization header
   * @throws Problem `unauthorised` for an absent, malformed, foreign or expired token, `unavailable` when the issuer's
   *   keys cannot be fetched
   */
  async verify(authorization: string | undefined): Promise<Identity> {
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (!token || token.length > TOKEN_LENGTH_MAX) throw problem('unauthorised');

    const known = this.verified.get(token);
    if (known && known.expiresAtMs > Date.now()) return known.identity;
    if (known) this.verified.delete(token);

    const payload = await this.check(token);
    const identity = identityOf(payload);
    this.verified.set(token, { identity, expiresAtMs: Number(payload.exp) * 1_000 });
    return identity;
  }

  private async check(token: string): Promise<JWTPayload> {
    const options = {
      algorithms: this.algorithms,
      requiredClaims: ['exp', 'sub'],
      issuer: this.config.jwtIssuer,
      audience: this.config.jwtAudience,
    };
    try {
      const { payload } =
        typeof this.key === 'function'
          ? await jwtVerify(token, this.key, options)
          : await jwtVerify(token, await this.key, options);
      return payload;
    } catch (error) {
      throw isFaultOfToken(error) ? problem('unauthorised') : unavailable("the issuer's keys");
    }
  }
}

function identityOf(payload: JWTPayload): Identity {
  const { sub, roles } = payload;
  // Claims are whatever the issuer wrote: 5 and "5" must not become the same buyer.
  if (typeof sub !== 'string' || !SUBJECT.test(sub)) throw problem('unauthorised');
  return { id: sub, roles: ROLES.filter((role) => Array.isArray(roles) && roles.includes(role)) };
}

/** Everything else that jose throws means that the issuer's keys could not be read. */
function isFaultOfToken(error: unknown): boolean {
  return [
    errors.JWTExpired,
    errors.JWTInvalid,
    errors.JWTClaimValidationFailed,
    errors.JWSInvalid,
    errors.JWSSignatureVerificationFailed,
    errors.JOSEAlgNotAllowed,
    errors.JOSENotSupported,
    errors.JWKSNoMatchingKey,
    errors.JWKSMultipleMatchingKeys,
  ].some((Fault) => error instanceof Fault);
}
