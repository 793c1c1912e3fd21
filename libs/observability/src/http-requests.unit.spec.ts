import { fastify } from 'fastify';
import { logHttpRequests } from './http-requests';
import { createLogger } from './logger';

describe('the line of a request', () => {
  async function linesOf(path: string, level: 'info' | 'debug'): Promise<Record<string, unknown>[]> {
    const lines: Record<string, unknown>[] = [];
    const out = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    const server = fastify();
    logHttpRequests(server, createLogger({ service: 's', level }, out));
    for (const [url, status] of [
      ['/good', 200],
      ['/bad', 500],
      ['/away', 503],
      ['/health/live', 200],
    ] as const) {
      server.get(url, (_request, reply) => reply.status(status).send());
    }
    await server.inject({ path, headers: { 'x-request-id': 'id-1', authorization: 'Bearer secret' } });
    await server.close();
    expect(JSON.stringify(lines)).not.toContain('secret');
    return lines;
  }

  it('names a request that failed, with its id and without its headers', async () => {
    const [line] = await linesOf('/bad', 'info');
    expect(line).toMatchObject({
      ...{ level: 'error', requestId: 'id-1', req: { method: 'GET', url: '/bad' } },
      res: { statusCode: 500 },
    });
  });

  it('says nothing of a good one, nor of a server that was away, at info', async () => {
    expect(await linesOf('/good', 'info')).toEqual([]);
    expect(await linesOf('/away', 'info')).toEqual([]);
    expect(await linesOf('/good', 'debug')).toMatchObject([{ level: 'debug', req: { url: '/good' } }]);
  });

  it('says nothing of probes', async () => {
    expect(await linesOf('/health/live', 'debug')).toEqual([]);
  });
});
