import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect } from 'amqplib';
import { IsInt } from 'class-validator';
import { eventually, privateRabbitmq, type PrivateServer } from '@holdfast/testing';
import { ack, BrokerUnavailable, onCommand, onMessage, openBroker, ReplyTimeout, type Broker } from './index';
import { retryExchange } from './topology';

class Tick {
  static readonly messageName = 'tick.v1';
  static readonly kind = 'timer';
  static readonly exchange = 'holdfast.timers';
  static readonly bindingKey = 'tick.v1';
  static readonly routingKey = (): string => 'tick.v1';
  @IsInt() count!: number;
}

class Echo {
  static readonly messageName = 'echo.v1';
  static readonly kind = 'command';
  static readonly exchange = 'holdfast.commands';
  static readonly bindingKey = 'echo.v1';
  static readonly routingKey = (): string => 'echo.v1';
  static readonly replies = { tick: Tick };
  @IsInt() count!: number;
}

/** What a client sends to close a channel or a connection: class and method of AMQP 0-9-1. */
const CHANNEL_CLOSE = Buffer.from([0, 20, 0, 40]);
const CONNECTION_CLOSE = Buffer.from([0, 10, 0, 50]);
const OTHER_RETRY_MS = 77;

/** A way to the server that breaks, once, when the client sends this: the server never hears of it. */
async function breakingLink(
  serverUrl: string,
  breaksAt: Buffer,
): Promise<{ url: string; breaks: number; close(): void }> {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = createConnection(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => (client.destroy(), upstream.destroy()));
    }
    upstream.pipe(client);
    client.on('data', (data) => {
      if (link.breaks > 0 || !data.includes(breaksAt)) return void upstream.write(data);
      link.breaks++;
      client.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const url = new URL(serverUrl);
  url.port = String((proxy.address() as AddressInfo).port);
  const link = {
    url: url.toString(),
    breaks: 0,
    close: () => {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return link;
}

const START_MS = 60_000;
const WAIT_MS = 30_000;

describe('a broker that goes away', () => {
  let server: PrivateServer;
  let broker: Broker;
  const ticks: number[] = [];
  const hanging: (() => void)[] = [];
  const opened: { close(): unknown }[] = [];

  beforeAll(async () => {
    server = await privateRabbitmq();
    broker = openBroker({ url: server.url, name: 'test', confirmTimeoutMs: 1_000, closeTimeoutMs: 500 });
    await broker.whenReady(WAIT_MS);
    await broker.subscribe({ queue: 'ticks', prefetch: 5 }, [
      onMessage(Tick, async ({ count }) => {
        if (count === 0) await new Promise<void>((resolve) => hanging.push(resolve));
        ticks.push(count);
        return ack;
      }),
      onCommand(Echo, () => new Promise<never>(() => undefined)),
    ]);
  }, START_MS);

  afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));

  afterAll(async () => {
    await broker.close();
    await server.drop();
  }, START_MS);

  it('fails sending at once, and serves again by itself when it is back, with what was in flight', async () => {
    await broker.send(Tick, { count: 0 });
    await eventually(() => hanging.length > 0);
    // Quorum queues of 3.10 lose what is killed within seconds of being declared; a clean stop keeps it.
    await server.stop();
    await eventually(() => !broker.ready);

    await expect(broker.send(Tick, { count: 1 })).rejects.toThrow(BrokerUnavailable);
    await expect(broker.request(Echo, { count: 1 }, { timeoutMs: 60_000 })).rejects.toThrow(BrokerUnavailable);
    // The handler that was in flight ends; its acknowledgement has nowhere to go.
    hanging.shift()?.();
    await eventually(() => ticks.length === 1);

    const late = openBroker({ url: server.url, name: 'late' });
    await server.start();
    await Promise.all([broker.whenReady(WAIT_MS), late.whenReady(WAIT_MS)]);
    await eventually(() => hanging.length > 0);
    hanging.shift()?.();
    await late.send(Tick, { count: 2 });
    await eventually(() => ticks.length === 3);
    expect(ticks.sort()).toEqual([0, 0, 2]);
    await late.close();
  }, 120_000);

  it('leaves a publish without a confirm and a command without a reply unknown, not failed', async () => {
    await server.pause();
    const failure: unknown = await broker.send(Tick, { count: 3 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BrokerUnavailable);
    expect(failure).toMatchObject({ maybeSent: true });
    await server.resume();
    await eventually(() => ticks.includes(3));
    await expect(broker.request(Echo, { count: 4 }, { timeoutMs: 300 })).rejects.toThrow(ReplyTimeout);
  }, 60_000);

  it('connects again when the link breaks before the goodbye of a channel was answered', async () => {
    const link = await breakingLink(server.url, CHANNEL_CLOSE);
    const other = openBroker({ url: link.url, name: 'cut off' });
    opened.push(link, other);
    await other.whenReady(WAIT_MS);
    expect(link.breaks).toBe(1);
  }, 60_000);

  it('is ready once nothing is in the way of its declarations any more, whatever becomes of the link', async () => {
    const name = retryExchange(OTHER_RETRY_MS);
    const blocker = await connect(server.url);
    const channel = await blocker.createChannel();
    await channel.assertExchange(name, 'direct');
    const link = await breakingLink(server.url, CONNECTION_CLOSE);
    const other = openBroker({ url: link.url, name: 'blocked', retryDelaysMs: [OTHER_RETRY_MS] });
    opened.push(blocker, link, other);
    await eventually(() => /PRECONDITION_FAILED|not everything could be declared/.test(other.lastError ?? ''));
    expect(other.ready).toBe(false);
    await channel.deleteExchange(name);
    await other.whenReady(WAIT_MS);
  }, 60_000);
});
