import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { eventually } from '@holdfast/testing';
import { fastify, type FastifyInstance } from 'fastify';
import { AcceptSockets } from './accept-sockets';

/** Enough that a system which shares them out gives some to each of the sockets. */
const CONNECTIONS = 100;
const ANYWHERE = { port: 0, host: '127.0.0.1' };

describe('accepting by several sockets', () => {
  let server: FastifyInstance;
  let sockets: AcceptSockets;
  let clients: Socket[];
  let waiting: (() => void)[];

  beforeEach(() => {
    server = fastify({ return503OnClosing: false });
    sockets = new AcceptSockets(server);
    clients = [];
    waiting = [];
    server.addHook('onSend', async (_request, reply) => void reply.header('connection', 'close'));
    server.get('/at-once', () => 'here');
    server.get('/later', () => new Promise((resolve) => waiting.push(() => resolve('here'))));
  });

  afterEach(async () => {
    waiting.forEach((answer) => answer());
    clients.forEach((client) => client.destroy());
    await server.close();
  });

  const open = (address = ANYWHERE) => sockets.open(address, (options) => server.listen(options));
  const port = () => (server.server.address() as AddressInfo).port;

  /** Sends a request on a connection of its own; resolves to all that is answered until the connection ends. */
  async function ask(path: string): Promise<string> {
    const client = connect(port(), ANYWHERE.host).setEncoding('utf8');
    clients.push(client);
    let answer = '';
    client.on('data', (text: string) => (answer += text));
    client.write(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
    await once(client, 'end');
    return answer;
  }

  it('answers every connection, whichever socket accepted it', async () => {
    await open();
    const answers = await Promise.all(Array.from({ length: CONNECTIONS }, () => ask('/at-once')));
    expect(answers.filter((answer) => answer.endsWith('here'))).toHaveLength(CONNECTIONS);
  });

  it('waits, when it closes, for requests that came by any of them, and accepts no more', async () => {
    await open();
    let answered = 0;
    const answers = Array.from({ length: CONNECTIONS }, () => ask('/later').finally(() => answered++));
    await eventually(() => waiting.length === CONNECTIONS);
    const known = port();

    let isClosed = false;
    const closing = server.close().then(() => (isClosed = true));
    await eventually(() => !server.server.listening);
    await expect(once(connect(known, ANYWHERE.host), 'connect')).rejects.toThrow('ECONNREFUSED');
    const last = waiting.pop();
    waiting.forEach((answer) => answer());
    await eventually(() => answered === CONNECTIONS - 1);
    // Enough for it to close if it did not wait for the last one, which came by one of the further sockets.
    for (let turns = 0; turns < CONNECTIONS; turns++) await turn();
    expect(isClosed).toBe(false);
    last?.();
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/here$/);
    await closing;
  });

  it('takes no port that somebody else listens on', async () => {
    const other = createServer().listen(0, ANYWHERE.host);
    await once(other, 'listening');
    try {
      await expect(open({ ...ANYWHERE, port: (other.address() as AddressInfo).port })).rejects.toThrow('EADDRINUSE');
    } finally {
      other.close();
    }
  });

  it('takes no port of another server that accepts by several sockets', async () => {
    await open();
    const second = fastify();
    const opening = new AcceptSockets(second).open({ ...ANYWHERE, port: port() }, (options) => second.listen(options));
    await expect(opening).rejects.toThrow('EADDRINUSE');
    await second.close();
  });
});
