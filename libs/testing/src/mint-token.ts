import { SignJWT } from 'jose';

/**
 * A token by the shared secret (HS256), as a seller's own system would mint it.
 *
 * @param expiresIn as jose reads it, such as `5m`, or `-1s` for one that has run out
 */
export function mintToken(secret: string, subject: string, roles: string[], expiresIn = '5m'): Promise<string> {
  return new SignJWT({ sub: subject, roles })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(expiresIn)
    .sign(new TextEncoder().encode(secret));
}
