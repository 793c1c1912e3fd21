import { createLogger } from './logger';
import { withTraceparent } from './traceparent';

function sink() {
  const lines: Record<string, unknown>[] = [];
  return { lines, write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
}

describe('logger', () => {
  it('replaces credentials and card data wherever they stand', () => {
    const out = sink();
    createLogger({ service: 'hold-service', level: 'info' }, out).info({
      token: 'tok-secret',
      headers: { authorization: 'Bearer secret', cookie: 'a=secret', 'set-cookie': 'b=secret' },
      body: { card: { number: '4242secret', cvc: 'secret' }, paymentMethod: 'pm_secret' },
      request: { headers: { authorization: 'secret' } },
      kept: 'seat A1',
    });
    expect(JSON.stringify(out.lines)).not.toContain('secret');
    expect(out.lines[0]).toMatchObject({ service: 'hold-service', level: 'info', kept: 'seat A1' });
  });

  it('names the trace of the work in progress', () => {
    const out = sink();
    const traceId = 'a'.repeat(32);
    withTraceparent(`00-${traceId}-${'b'.repeat(16)}-01`, () =>
      createLogger({ service: 's', level: 'info' }, out).info('inside'),
    );
    expect(out.lines[0]).toMatchObject({ traceId });
  });
});
