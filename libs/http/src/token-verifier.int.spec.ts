import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { Problem } from './problems';
import { TokenVerifier } from './token-verifier';

const ISSUER = 'https://id.example';
const AUDIENCE = 'holdfast';

describe("tokens signed with an issuer's private key", () => {
  let server: Server;
  let jwksUrl: string;
  let privateKey: CryptoKey;
  let asked = 0;

  beforeAll(async () => {
    const pair = await generateKeyPair('RS256');
    privateKey = pair.privateKey;
    const keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'RS256' }];
    server = createServer((_request, response) => {
      asked++;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  });

  afterAll(() => server.close());

  const sign = (claims: { iss?: string; aud?: string } = {}, key = privateKey, kid = 'k1') =>
    new SignJWT({ sub: 'ann', roles: ['buyer', 'emperor'], iss: ISSUER, aud: AUDIENCE, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid })
      .setExpirationTime('1m')
      .sign(key);

  const verifier = (url = jwksUrl) => new TokenVerifier({ jwksUrl: url, jwtIssuer: ISSUER, jwtAudience: AUDIENCE });
  const codeOf = (verifying: Promise<unknown>) =>
    verifying.then(
      () => 'accepted',
      (error: unknown) => (error instanceof Problem ? error.code : String(error)),
    );

  it('are refused when their subject is no text, though well signed', async () => {
    for (const sub of [5, true, ['ann'], { ann: 1 }]) {
      const token = await new SignJWT({ roles: ['buyer'], iss: ISSUER, aud: AUDIENCE, sub } as unknown as JWTPayload)
        .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
        .setExpirationTime('1m')
        .sign(privateKey);
      expect(await codeOf(verifier().verify(`Bearer ${token}`))).toBe('unauthorised');
    }
  });

  it('are checked against the published keys, once for each token', async () => {
    const tokens = verifier();
    const token = `Bearer ${await sign()}`;
    expect(await tokens.verify(token)).toEqual({ id: 'ann', roles: ['buyer'] });
    const afterFirst = asked;
    expect(await tokens.verify(token)).toBe(await tokens.verify(token));
    expect(asked).toBe(afterFirst);
  });

  it('are refused from another issuer, for another audience, by another key, or signed with the public key as secret', async () => {
    const tokens = verifier();
    const stranger = (await generateKeyPair('RS256')).privateKey;
    const shared = await new SignJWT({ sub: 'ann', roles: ['buyer'], iss: ISSUER, aud: AUDIENCE })
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .setExpirationTime('1m')
      .sign(new TextEncoder().encode('x'.repeat(32)));
    for (const token of [
      await sign({ iss: 'https://evil.example' }),
      await sign({ aud: 'other' }),
      await sign({}, stranger),
      await sign({}, privateKey, 'k2'),
      shared,
    ]) {
      expect(await codeOf(tokens.verify(`Bearer ${token}`))).toBe('unauthorised');
    }
  });

  it('are answered with 503, not 401, while the keys cannot be fetched', async () => {
    const away = verifier('http://127.0.0.1:1/jwks');
    expect(await codeOf(away.verify(`Bearer ${await sign()}`))).toBe('unavailable');
  });
});
