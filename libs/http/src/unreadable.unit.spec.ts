import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Module } from '@nestjs/common';
import { ServerConfig } from './http-config';
import { startHttpService, type HttpService } from './http-service';

@Module({})
class EmptyModule {}

describe('what Node cannot read as a request', () => {
  let service: HttpService;

  beforeAll(async () => {
    const config = Object.assign(new ServerConfig(), { logLevel: 'silent', httpPort: 0 });
    service = await startHttpService({ name: 'empty', module: EmptyModule, config });
  });
  afterAll(() => service.stop());

  it.each([
    ['no HTTP at all', '\u0016\u0003\u0001\u0002\u0000'],
    ['a broken request line', 'GET /\u0000 HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['two lengths', 'POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'],
    ['headers without end', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('is refused as a problem, and ends its connection: %s', async (_what, bytes) => {
    const socket = connect(Number(new URL(service.url).port));
    socket.write(bytes, 'latin1');
    const answer = await text(socket);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(head).toContain('Content-Type: application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ status: 400, code: 'malformed-request' });
  });
});
