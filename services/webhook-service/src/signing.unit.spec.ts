import { Webhook } from 'standardwebhooks';
import { secretOf, signedHeaders, signingSecrets } from './signing';

const KEY = 'a master key of at least thirty-two characters';
const OTHER_KEY = 'another master key of thirty-two characters';
const ENDPOINT = '01936f2e-0000-7000-8000-000000000001';
const BODY = '{"type":"seats.changed"}';

const verify = (secret: string, secrets: string[], body = BODY) =>
  new Webhook(secret).verify(body, signedHeaders(secrets, 'msg_1', new Date(), BODY));

describe('the secret of an endpoint', () => {
  it('is 32 bytes as Standard Webhooks writes them, always the same', () => {
    const secret = secretOf(KEY, ENDPOINT, 1);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(secretOf(KEY, ENDPOINT, 1)).toBe(secret);
  });

  it('differs by endpoint, generation and master key', () => {
    const secrets = [
      secretOf(KEY, ENDPOINT, 1),
      secretOf(KEY, ENDPOINT, 2),
      secretOf(KEY, ENDPOINT.replace(/1$/, '2'), 1),
      secretOf(OTHER_KEY, ENDPOINT, 1),
    ];
    expect(new Set(secrets).size).toBe(4);
  });
});

describe('a delivery is signed', () => {
  const endpoint = { endpointId: ENDPOINT, secretGeneration: 2, previousSigns: false };

  it('with the present secret, over the body as it is', () => {
    const secrets = signingSecrets({ current: KEY }, endpoint);
    expect(verify(secretOf(KEY, ENDPOINT, 2), secrets)).toEqual({ type: 'seats.changed' });
    expect(() => verify(secretOf(KEY, ENDPOINT, 1), secrets)).toThrow('No matching signature');
    expect(() => verify(secretOf(KEY, ENDPOINT, 2), secrets, `${BODY} `)).toThrow('No matching signature');
  });

  it('with the one before too while that still signs', () => {
    const secrets = signingSecrets({ current: KEY }, { ...endpoint, previousSigns: true });
    for (const generation of [1, 2]) expect(verify(secretOf(KEY, ENDPOINT, generation), secrets)).toBeTruthy();
  });

  it('with those of the master key before while that is given', () => {
    const secrets = signingSecrets({ current: OTHER_KEY, previous: KEY }, endpoint);
    for (const key of [KEY, OTHER_KEY]) expect(verify(secretOf(key, ENDPOINT, 2), secrets)).toBeTruthy();
  });
});
