import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { dnsResolve } from './name-look-up';

const HEADER_BYTES = 12;
const [TYPE_A, TYPE_AAAA] = [1, 28];
/** Of the name in question, for no time: 192.0.2.7. */
const ADDRESS_RECORD = Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 7]);
const NEVER = new AbortController().signal;

/** A name server on this machine that answers queries of some types: for A 192.0.2.7, for others that there is none. */
class NameServer {
  readonly asked: number[] = [];
  onAsked: () => void = () => undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly answered: number[],
  ) {
    socket.on('message', (query, from) => this.take(query, from));
  }

  static async start({ answered }: { answered: number[] }): Promise<NameServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new NameServer(socket, answered);
  }

  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(resolve));
  }

  private take(query: Buffer, from: RemoteInfo): void {
    const questionEnd = query.indexOf(0, HEADER_BYTES) + 5;
    const type = query.readUInt16BE(questionEnd - 4);
    this.asked.push(type);
    if (this.answered.includes(type)) {
      const records = type === TYPE_A ? [ADDRESS_RECORD] : [];
      const head = Buffer.from(query.subarray(0, questionEnd));
      head.writeUInt16BE(0x8180, 2); // a response, without error
      head.writeUInt16BE(records.length, 6);
      head.writeUInt16BE(0, 10); // nothing more
      this.socket.send(Buffer.concat([head, ...records]), from.port, from.address);
    }
    this.onAsked();
  }
}

let server: NameServer;
afterEach(() => server.stop());

/** Looks a name up, and gives up once so many queries of a type have been asked. */
async function lookUpUntilAsked(type: number, queries: number): Promise<string[]> {
  const late = new AbortController();
  server.onAsked = () => {
    if (server.asked.filter((asked) => asked === type).length === queries) late.abort();
  };
  return dnsResolve([server.address])('hooks.example.com', late.signal);
}

describe('looking up a name', () => {
  it('gives all its addresses', async () => {
    server = await NameServer.start({ answered: [TYPE_A, TYPE_AAAA] });
    expect(await dnsResolve([server.address])('hooks.example.com', NEVER)).toEqual(['192.0.2.7']);
  });

  it('whose server is silent ends when it is given up, with nothing', async () => {
    server = await NameServer.start({ answered: [] });
    expect(await lookUpUntilAsked(TYPE_AAAA, 1)).toEqual([]);
  });

  it('gives what is known when the rest takes too long', async () => {
    server = await NameServer.start({ answered: [TYPE_A] });
    // Asked for the second time: what the first asking brought has long been here.
    expect(await lookUpUntilAsked(TYPE_AAAA, 2)).toEqual(['192.0.2.7']);
  });

  it('does not wait for others that hang, however many', async () => {
    const silent = await NameServer.start({ answered: [] });
    server = await NameServer.start({ answered: [TYPE_A, TYPE_AAAA] });
    const late = Array.from({ length: 20 }, () => new AbortController());
    const hanging = late.map(({ signal }) => dnsResolve([silent.address])('silent.example.com', signal));
    expect(await dnsResolve([server.address])('hooks.example.com', NEVER)).toEqual(['192.0.2.7']);
    for (const each of late) each.abort();
    expect((await Promise.all(hanging)).flat()).toEqual([]);
    await silent.stop();
  });

  it.each(['localhost', 'hooks.localhost', 'localhost.'])('%s is this machine, and nobody is asked', async (name) => {
    server = await NameServer.start({ answered: [TYPE_A] });
    expect(await dnsResolve([server.address])(name, NEVER)).toEqual(['127.0.0.1', '::1']);
    expect(server.asked).toEqual([]);
  });
});
