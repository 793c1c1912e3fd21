import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { json, text } from 'node:stream/consumers';
import type { HoldBody } from '@holdfast/contracts';
import { expectProblem, request, type Answer } from './api';
import { buyers, itWithBuyers } from './people';
import { Sale } from './sale';
import { system } from './system-under-test';

const SPOOFED = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'gopher',
  forwarded: 'for=203.0.113.9;host=evil.example',
  'x-real-ip': '203.0.113.9',
  'x-original-url': '/metrics',
  'x-http-method-override': 'DELETE',
};

const itOverHttp = system.url.startsWith('http:') ? it : it.skip;

/** A GET whose path and headers nobody puts right on the way, as `fetch` would. */
async function requestAsWritten(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { hostname, port, protocol } = new URL(system.url);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const asking = send({ hostname, port, path, headers, agent: false }).end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  return {
    status: response.statusCode ?? 0,
    headers: new Headers({ 'content-type': response.headers['content-type'] ?? '' }),
    body: (await json(response)) as Record<string, unknown>,
  };
}

describe('the gateway', () => {
  it('serves the interface of both services under /docs', async () => {
    for (const path of ['/docs', '/docs/payments/']) {
      const page = await request<string>('GET', path);
      expect(page.status).toBe(200);
      expect(page.body).toMatch(/swagger/i);
    }
  });

  it('answers what is not there, and methods that are not allowed, with a problem', async () => {
    expectProblem(await request('GET', '/nowhere'), 404, 'not-found');
    expectProblem(await request('GET', '/v1/events/a/b/c/d'), 404, 'not-found');
    expectProblem(await request('PUT', '/v1/events', { body: {} }), 405, 'method-not-allowed');
  });

  it.each([
    ['of a line break', '/docs/payments/docs%0aX-Forwarded-For:%20203.0.113.9'],
    ['of a line break at its end', '/docs/webhooks/docs%0a'],
    ['of a byte that is no text', '/docs/payments/docs%FF'],
    ['of an encoded question mark', '/docs/payments/docs%3F'],
  ])('passes no path on to the interface %s', async (_what, path) => {
    expectProblem(await request('GET', path), 404, 'not-found');
  });

  it('resolves dots before it passes a path on, and answers a body coded otherwise with a problem', async () => {
    expectProblem(await requestAsWritten('/docs/x/../y'), 404, 'not-found');
    expectProblem(await requestAsWritten('/v1/events', { 'transfer-encoding': 'gzip' }), 400, 'malformed-request');
  });

  it('keeps metrics inside', async () => {
    expectProblem(await request('GET', '/metrics'), 404, 'not-found');
  });

  it('says that the system is alive and ready', async () => {
    expect((await request('GET', '/health/live')).status).toBe(200);
    expect((await request('GET', '/health/ready')).status).toBe(200);
  });

  itOverHttp('says so to health checks of HTTP/1.0, which name no host', async () => {
    const { hostname, port } = new URL(system.url);
    const socket = connect(Number(port || 80), hostname);
    socket.write('GET /health/ready HTTP/1.0\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });

  itWithBuyers(1)('forwards no header that a client forged', async () => {
    const sale = await Sale.open();
    const [token = ''] = await buyers(1);
    const forged = await request<HoldBody>('POST', `${sale.path}/holds`, {
      token,
      body: { seats: sale.seatIds.slice(0, 1) },
      headers: SPOOFED,
    });
    expect(forged.status).toBe(201);
    const told = JSON.stringify([forged.body, [...forged.headers]]);
    expect(told).not.toMatch(/evil\.example|203\.0\.113\.9|gopher/);
    expect((await sale.readHold(token, forged.body.holdId)).body.state).toBe('held');
  });
});
