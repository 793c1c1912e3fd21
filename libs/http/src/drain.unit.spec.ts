import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Controller, Get, Module } from '@nestjs/common';
import { eventually } from '@holdfast/testing';
import { ServerConfig } from './http-config';
import { startHttpService, type HttpService } from './http-service';

@Controller()
class GreetingController {
  @Get('/greeting')
  greet() {
    return { greeting: 'hello' };
  }
}

@Module({ controllers: [GreetingController] })
class GreetingModule {}

/** Enough that each of the service's sockets accepts some. */
const CONNECTIONS = 50;

describe('a service that stops', () => {
  let service: HttpService;
  let agent: Agent;
  let sockets: Socket[];

  beforeEach(async () => {
    const config = Object.assign(new ServerConfig(), { logLevel: 'silent', httpPort: 0 });
    service = await startHttpService({ name: 'greeting', module: GreetingModule, config });
    agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS });
    sockets = [];
  });
  afterEach(async () => {
    agent.destroy();
    sockets.forEach((socket) => socket.destroy());
    await service.stop();
  });

  const connected = async (): Promise<Socket> => {
    const socket = connect(Number(new URL(service.url).port));
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  const ask = async (): Promise<IncomingMessage> => {
    const [answer] = (await once(request(`${service.url}/greeting`, { agent }).end(), 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    return answer;
  };
  const askOnAll = () => Promise.all(Array.from({ length: CONNECTIONS }, ask));
  const idle = () => Object.values(agent.freeSockets).flat().length;

  it('answers once more on every connection that is open, ends it, and accepts no more', async () => {
    await askOnAll();
    await eventually(() => idle() === CONNECTIONS);

    let isStopped = false;
    const stopping = service.stop().then(() => (isStopped = true));
    await expect(connected()).rejects.toThrow('ECONNREFUSED');
    expect(isStopped).toBe(false);
    for (const { statusCode, headers } of await askOnAll()) {
      expect([statusCode, headers.connection]).toEqual([200, 'close']);
    }
    await stopping;
  });

  it('ends connections on which nobody asks any more', async () => {
    await askOnAll();
    await service.stop();
    await eventually(() => idle() === 0);
  });

  it('ends connections on which nobody ever asked', async () => {
    let accepted = 0;
    service.app.getHttpServer().on('connection', () => accepted++);
    const closed = (await Promise.all(Array.from({ length: CONNECTIONS }, connected))).map((each) =>
      once(each, 'close'),
    );
    await eventually(() => accepted === CONNECTIONS);
    await service.stop();
    await Promise.all(closed);
  });
});
