import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { currentTraceparent } from '@holdfast/observability';
import { eventually } from '@holdfast/testing';
import { fastify, type FastifyInstance } from 'fastify';
import { problem, Problem } from './problems';
import { AT_ONCE_MAX, shortenRoutes, type ShortAnswer, type ShortHandler, type ShortWayParts } from './short-route';

describe('the short way of a hot route', () => {
  let server: FastifyInstance;
  let origin: string;
  let handler: ShortHandler;
  let wentTheLongWay: unknown[];
  let observed: { status: number; seconds: number }[];
  let faultsAt: (string | undefined)[];
  let parts: ShortWayParts;

  beforeEach(async () => {
    wentTheLongWay = [];
    observed = [];
    faultsAt = [];
    server = fastify();
    // As `HttpServer` does; Fastify's own parser refuses what is no UTF-8.
    server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes: Buffer, done) =>
      done(null, JSON.parse(bytes.toString())),
    );
    server.post('/things/:id', (request, reply) => {
      wentTheLongWay.push(request.body);
      return reply.status(299).send({ long: true });
    });
    await server.ready();
    parts = {
      fastify: server,
      problemOf: (error) => {
        faultsAt.push(currentTraceparent());
        return error instanceof Problem ? error : problem('internal');
      },
      observe: ({ status }, seconds) => observed.push({ status, seconds }),
      isStopping: () => false,
    };
    shortenRoutes([{ route, handler: (request) => handler(request) }], parts);
    origin = await server.listen({ port: 0, host: '127.0.0.1' });
  });

  afterEach(() => server.close());

  const route = { method: 'POST', url: '/things/:id', path: /^\/things\/(\d+)$/, handler: () => handler } as const;

  const post = (path: string, body: string | Buffer<ArrayBuffer>, type = 'application/json') =>
    fetch(`${origin}${path}`, { method: 'POST', body, headers: { 'content-type': type } });
  const answerWith = (answer: ShortAnswer | Problem | undefined) => (handler = () => Promise.resolve(answer));

  it('answers by the handler, and is measured', async () => {
    handler = ({ params, body }) =>
      Promise.resolve({ status: 201, headers: { location: '/x' }, body: { params, body } });
    const answer = await post('/things/7', '{"a":1}');
    expect([answer.status, answer.headers.get('location')]).toEqual([201, '/x']);
    expect(await answer.json()).toEqual({ params: ['7'], body: { a: 1 } });
    expect(observed).toMatchObject([{ status: 201 }]);
    expect(wentTheLongWay).toEqual([]);
  });

  it('measures from the headers on, though the body comes late', async () => {
    answerWith({ status: 201, body: {} });
    const { port } = server.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    const headersCame = once(server.server, 'request');
    socket.write('POST /things/7 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n');
    await headersCame;
    const clock = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 5_000);
    socket.write('{}');
    await once(socket, 'data');
    clock.mockRestore();
    socket.destroy();
    expect(observed[0]?.seconds).toBeGreaterThanOrEqual(5);
  });

  it('logs a fault within the trace of its request', async () => {
    const seen: (string | undefined)[] = [];
    handler = async () => {
      await Promise.resolve();
      seen.push(currentTraceparent());
      throw new Error('broken');
    };
    expect((await post('/things/7', '{}')).status).toBe(500);
    expect(faultsAt).toEqual([expect.any(String)]);
    expect(faultsAt).toEqual(seen);
  });

  it('answers a refusal and a fault as problems', async () => {
    answerWith(problem('seats-taken'));
    const refused = await post('/things/7', '{}');
    expect([refused.status, refused.headers.get('content-type')]).toEqual([
      409,
      'application/problem+json; charset=utf-8',
    ]);
    handler = () => Promise.reject(new Error('secret'));
    const fault = await post('/things/7', '{}');
    expect(fault.status).toBe(500);
    expect(await fault.text()).not.toContain('secret');
  });

  it('logs why an answer could not be sent, and ends the connection', async () => {
    answerWith({ status: 201, body: { seconds: 1n } });
    await expect(post('/things/7', '{}')).rejects.toThrow('fetch failed');
    expect(faultsAt).toEqual([expect.any(String)]);
    answerWith({ status: 201, body: {} });
    expect((await post('/things/7', '{}')).status).toBe(201);
  });

  it('lets what the handler leaves go the long way, with its body', async () => {
    answerWith(undefined);
    expect((await post('/things/7', '{"a":1}')).status).toBe(299);
    expect(wentTheLongWay).toEqual([{ a: 1 }]);
  });

  it('takes a body that is no UTF-8 the long way byte by byte', async () => {
    answerWith(undefined);
    const invalid = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    expect((await post('/things/7', invalid)).status).toBe(299);
    expect(wentTheLongWay).toEqual([{ a: '\ufffd\ufffd' }]);
  });

  it('leaves a server without hot routes alone, and refuses one that somebody else listens to', () => {
    const listeners = server.server.listeners('request');
    shortenRoutes([], parts);
    expect(server.server.listeners('request')).toEqual(listeners);
    server.server.on('request', () => undefined);
    expect(() => shortenRoutes([{ route, handler }], parts)).toThrow('listener');
  });

  it.each([
    ['another path', '/things/x', '{}', 'application/json'],
    ['another media type', '/things/7', '{}', 'text/plain'],
    ['a long body', '/things/7', JSON.stringify('x'.repeat(20_000)), 'application/json'],
  ])('does not touch %s', async (_, path, body, type) => {
    handler = () => Promise.reject(new Error('must not be asked'));
    expect([299, 404, 415]).toContain((await post(path, body, type)).status);
  });

  it('survives a caller that goes away in the middle of its body', async () => {
    answerWith({ status: 201, body: {} });
    const { port } = server.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST /things/7 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"a"',
    );
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.destroy();
    expect((await post('/things/7', '{}')).status).toBe(201);
  });

  it('forgets requests that waited behind another on a connection that broke', async () => {
    let asked = 0;
    const waiting: (() => void)[] = [];
    handler = () => {
      asked++;
      return new Promise((resolve) => waiting.push(() => resolve({ status: 201, body: {} })));
    };
    const { port } = server.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    const request =
      'POST /things/7 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
    socket.write(request.repeat(AT_ONCE_MAX));
    await eventually(() => asked === AT_ONCE_MAX);
    socket.destroy();
    const connections = () =>
      new Promise<number>((resolve) => server.server.getConnections((_, count) => resolve(count)));
    await eventually(async () => (await connections()) === 0);
    waiting.splice(0).forEach((answer) => answer());
    // All of them under way together: one after the other they would fit into the last place.
    handler = () => new Promise((resolve) => setTimeout(() => resolve({ status: 201, body: {} }), 200));
    const after = await Promise.all(Array.from({ length: 20 }, () => post('/things/7', '{}')));
    expect(after.map(({ status }) => status)).toEqual(Array(20).fill(201));
  });

  it('answers 503 at once beyond what it serves at once, and serves again when there is room', async () => {
    const waiting: (() => void)[] = [];
    handler = () => new Promise((resolve) => waiting.push(() => resolve({ status: 201, body: {} })));
    const served = Array.from({ length: AT_ONCE_MAX }, () => post('/things/7', '{}'));
    await eventually(() => waiting.length === AT_ONCE_MAX);
    const shed = await post('/things/7', '{}');
    expect([shed.status, shed.headers.get('retry-after')]).toEqual([503, '1']);
    waiting.splice(0).forEach((answer) => answer());
    expect((await Promise.all(served)).every(({ status }) => status === 201)).toBe(true);
    answerWith({ status: 201, body: {} });
    expect((await post('/things/7', '{}')).status).toBe(201);
  });
});
