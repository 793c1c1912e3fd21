import { ConfigError, loadConfig } from '@holdfast/config';
import { HttpConfig } from './http-config';

const SECRET = 's'.repeat(32);

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(HttpConfig, env);
    return [];
  } catch (error) {
    return error instanceof ConfigError ? error.problems : [String(error)];
  }
}

describe('settings of the HTTP edge', () => {
  it('need nothing but a secret or the address of keys', () => {
    expect(loadConfig(HttpConfig, { HOLDFAST_JWT_SECRET: SECRET })).toMatchObject({
      httpHost: '127.0.0.1',
      trustedProxies: ['127.0.0.1'],
      logLevel: 'info',
    });
    expect(problemsOf({ HOLDFAST_JWKS_URL: 'http://id/jwks' })).toEqual([]);
    expect(problemsOf({})).toEqual([expect.stringContaining('HOLDFAST_JWT_SECRET')]);
  });

  it('refuse a secret that could be guessed, and do not print it', () => {
    const [problem, ...others] = problemsOf({ HOLDFAST_JWT_SECRET: 'hunter2' });
    expect(others).toEqual([]);
    expect(problem).toContain('HOLDFAST_JWT_SECRET');
    expect(problem).not.toContain('hunter2');
  });

  it('read the trusted proxies from a list', () => {
    const trusted = (list: string) =>
      loadConfig(HttpConfig, { HOLDFAST_JWT_SECRET: SECRET, HOLDFAST_TRUSTED_PROXIES: list }).trustedProxies;
    expect(trusted('10.0.0.0/8, ::1')).toEqual(['10.0.0.0/8', '::1']);
  });

  it.each([
    ['HOLDFAST_TRUSTED_PROXIES', 'everybody'],
    ['HOLDFAST_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['HOLDFAST_HTTP_PORT', '70000'],
    ['HOLDFAST_HTTP_PORT', 'x'],
    ['HOLDFAST_LOG_LEVEL', 'loud'],
    ['HOLDFAST_STOP_TIMEOUT_MS', '0'],
  ])('refuse %s=%s', (variable, value) =>
    expect(problemsOf({ HOLDFAST_JWT_SECRET: SECRET, [variable]: value })).toEqual([expect.stringContaining(variable)]),
  );
});
