import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pinoHttp, { type Options } from 'pino-http';
import { createLogger, loggerParams } from './logger';
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

  it('logs a failed request with its id and no headers, and says nothing of a good one at info', async () => {
    const out = sink();
    const middleware = pinoHttp(loggerParams({ service: 's', level: 'info' }, out).pinoHttp as Options);
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      middleware(request, response);
      response.statusCode = request.url === '/bad' ? 500 : 200;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const call = (path: string) =>
      new Promise((resolve) => {
        const headers = { 'x-request-id': 'id-1', authorization: 'Bearer secret' };
        get({ port, path, headers, agent: false }, (response) => response.resume().on('end', resolve));
      });
    await call('/good');
    await call('/bad');
    await new Promise((resolve) => server.close(resolve));

    expect(out.lines).toHaveLength(1);
    expect(out.lines[0]).toMatchObject({ level: 'error', requestId: 'id-1', req: { method: 'GET', url: '/bad' } });
    expect(JSON.stringify(out.lines)).not.toContain('secret');
  });
});
