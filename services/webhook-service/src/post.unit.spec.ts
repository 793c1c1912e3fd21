import { createServer, type AddressInfo, type Socket } from 'node:net';
import { post } from './post';
import { Receiver } from './spec/receiver';

const WITHIN_MS = 10_000;
const HERE = [{ address: '127.0.0.1', family: 4 as const }];

let receiver: Receiver;
beforeEach(async () => (receiver = await Receiver.start()));
afterEach(() => receiver.stop());

/** A name that no resolver knows: only the checked address can lead there. */
const byName = () => ({ url: new URL(`http://hooks.invalid:${receiver.port}/in?a=1`), addresses: HERE });

describe('posting', () => {
  it('goes to the checked address, with the name in the Host header', async () => {
    expect(await post(byName(), { 'webhook-id': 'msg_1' }, '{"a":"ü"}', WITHIN_MS)).toMatchObject({
      outcome: 'answered',
      status: 204,
    });
    expect(receiver.received).toMatchObject([
      {
        headers: { host: `hooks.invalid:${receiver.port}`, 'content-length': '10', 'webhook-id': 'msg_1' },
        body: '{"a":"ü"}',
      },
    ]);
  });

  it('does not follow a redirect', async () => {
    const elsewhere = await Receiver.start();
    receiver.react = () => 307;
    receiver.answerHeaders = { location: elsewhere.url };
    expect(await post(byName(), {}, '{}', WITHIN_MS)).toMatchObject({ outcome: 'answered', status: 307 });
    await elsewhere.stop();
    expect(elsewhere.received).toEqual([]);
  });

  it('tells when to come back', async () => {
    receiver.react = () => 503;
    receiver.answerHeaders = { 'retry-after': '7' };
    expect(await post(byName(), {}, '{}', WITHIN_MS)).toEqual({ outcome: 'answered', status: 503, retryAfter: '7' });
  });

  it('gives up on a receiver that says nothing', async () => {
    receiver.react = () => 'hang';
    expect(await post(byName(), {}, '{}', 50)).toEqual({ outcome: 'timed-out' });
  });

  it('tells a receiver that hangs up or does not listen from one that answers', async () => {
    receiver.react = () => 'hang-up';
    expect(await post(byName(), {}, '{}', WITHIN_MS)).toEqual({ outcome: 'unreachable', code: 'ECONNRESET' });
    const nobody = { url: new URL('http://hooks.invalid:1/'), addresses: HERE };
    expect(await post(nobody, {}, '{}', WITHIN_MS)).toEqual({ outcome: 'unreachable', code: 'ECONNREFUSED' });
  });

  it('speaks TLS where the address says https, and tells why that failed', async () => {
    const destination = { url: new URL(`https://hooks.invalid:${receiver.port}/`), addresses: HERE };
    expect(await post(destination, {}, '{}', WITHIN_MS)).toMatchObject({ outcome: 'unreachable' });
    expect(receiver.received).toEqual([]);
  });

  /** Posts to a receiver that answers as no HTTP server would, and waits until its connection is closed. */
  const postToRaw = async (answer: (socket: Socket) => void) => {
    const raw = createServer((socket) => answer(socket.on('error', () => undefined).unref())).unref();
    await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
    const closed = new Promise((resolve) => raw.once('connection', (socket) => socket.once('close', resolve)));
    const url = new URL(`http://hooks.invalid:${(raw.address() as AddressInfo).port}/`);
    const outcome = await post({ url, addresses: HERE }, {}, '{}', WITHIN_MS);
    await closed;
    await new Promise((resolve) => raw.close(resolve));
    return outcome;
  };

  it('cuts off an answer without end, having read its status', async () => {
    const outcome = await postToRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const pour = () => void socket.write('x'.repeat(64 * 1024), (error) => !error && setImmediate(pour));
      pour();
    });
    expect(outcome).toMatchObject({ status: 200 });
  });

  it('takes a receiver that would speak another protocol for one that answers 101, and hangs up', async () => {
    const outcome = await postToRaw((socket) => {
      socket.resume().write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    expect(outcome).toEqual({ outcome: 'answered', status: 101, retryAfter: undefined });
  });
});
