import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import { ServerConfig } from './http-config';
import { startHttpService } from './http-service';

@Module({})
class NothingModule {}

const start = (settings: Partial<ServerConfig>) =>
  startHttpService({
    name: 'nothing',
    module: NothingModule,
    config: Object.assign(new ServerConfig(), { logLevel: 'fatal', ...settings }),
  });

describe('a service that cannot listen', () => {
  const other = createServer();
  afterAll(() => void other.close());

  it('names the port that another process has', async () => {
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(start({ httpPort: port })).rejects.toThrow(
      /^Cannot listen for HTTP:\n {2}- HOLDFAST_HTTP_PORT: another process listens on it$/,
    );
  });

  it.each(['nobody.invalid', '192.0.2.1'])('names the host that is none of this machine: %s', async (httpHost) => {
    await expect(start({ httpHost })).rejects.toThrow(/^Cannot listen for HTTP:\n {2}- HOLDFAST_HTTP_HOST: /);
  });
});
