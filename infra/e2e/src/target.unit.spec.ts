import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseTarget } from './e2e-command';
import { targetFromEnv, targetToEnv } from './target';

const LOCAL = {
  url: 'http://127.0.0.1:8080',
  tokens: { organiser: 'local-organiser', buyer: 'local-buyer' },
  services: { 'sandbox-provider': 'http://127.0.0.1:8084' },
};

describe('the target of the end-to-end suite', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'));
    writeFileSync(join(folder, 'state.json'), JSON.stringify(LOCAL));
    writeFileSync(join(folder, 'secrets.json'), JSON.stringify({ jwt: 'local-secret', stripe: 'sk_local' }));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is the system of npm start when nothing is named', () => {
    expect(chooseTarget({}, {}, folder)).toEqual({
      url: LOCAL.url,
      jwtSecret: 'local-secret',
      organiserToken: 'local-organiser',
      buyerTokens: ['local-buyer'],
      provider: { url: LOCAL.services['sandbox-provider'], secretKey: 'sk_local' },
      receiverHost: '127.0.0.1',
    });
    expect(chooseTarget({}, {}, join(folder, 'nowhere'))).toBeUndefined();
  });

  it('gets no secret of the local system when it is another one', () => {
    const target = chooseTarget({ url: 'https://sale.example', buyerTokens: 'a,b' }, {}, folder);
    expect(target).toEqual({ url: 'https://sale.example', buyerTokens: ['a', 'b'] });
  });

  it('is what the environment says, and what is asked for stands over it', () => {
    const env = { HOLDFAST_E2E_URL: 'http://a', HOLDFAST_JWT_SECRET: 's', HOLDFAST_E2E_BUYER_TOKEN: 't1,t2' };
    expect(chooseTarget({}, env, folder)).toMatchObject({ url: 'http://a', jwtSecret: 's', buyerTokens: ['t1', 't2'] });
    expect(chooseTarget({ url: 'http://b', jwtSecret: 'x' }, env, folder)).toMatchObject({
      url: 'http://b',
      jwtSecret: 'x',
    });
  });

  it('reaches the spec files whole', () => {
    const target = chooseTarget({}, {}, folder)!;
    expect(targetFromEnv(targetToEnv(target))).toEqual(target);
  });
});
