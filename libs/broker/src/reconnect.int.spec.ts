import { IsInt } from 'class-validator';
import { privateRabbitmq, type PrivateServer } from '@holdfast/testing';
import { ack, BrokerUnavailable, onCommand, onMessage, openBroker, ReplyTimeout, type Broker } from './index';

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

const START_MS = 60_000;
const WAIT_MS = 30_000;

describe('a broker that goes away', () => {
  let server: PrivateServer;
  let broker: Broker;
  const ticks: number[] = [];
  const hanging: (() => void)[] = [];

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

  afterAll(async () => {
    await broker.close();
    await server.drop();
  }, START_MS);

  it('fails sending at once, and serves again by itself when it is back, with what was in flight', async () => {
    await broker.send(Tick, { count: 0 });
    await until(() => hanging.length > 0);
    // Quorum queues of 3.10 lose what is killed within seconds of being declared; a clean stop keeps it.
    await server.stop();
    await until(() => !broker.ready);

    await expect(broker.send(Tick, { count: 1 })).rejects.toThrow(BrokerUnavailable);
    await expect(broker.request(Echo, { count: 1 }, { timeoutMs: 60_000 })).rejects.toThrow(BrokerUnavailable);
    // The handler that was in flight ends; its acknowledgement has nowhere to go.
    hanging.shift()?.();
    await until(() => ticks.length === 1);

    const late = openBroker({ url: server.url, name: 'late' });
    await server.start();
    await Promise.all([broker.whenReady(WAIT_MS), late.whenReady(WAIT_MS)]);
    await until(() => hanging.length > 0);
    hanging.shift()?.();
    await late.send(Tick, { count: 2 });
    await until(() => ticks.length === 3);
    expect(ticks.sort()).toEqual([0, 0, 2]);
    await late.close();
  }, 120_000);

  it('leaves a publish without a confirm and a command without a reply unknown, not failed', async () => {
    await server.pause();
    const failure: unknown = await broker.send(Tick, { count: 3 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BrokerUnavailable);
    expect(failure).toMatchObject({ maybeSent: true });
    await server.resume();
    await until(() => ticks.includes(3));
    await expect(broker.request(Echo, { count: 4 }, { timeoutMs: 300 })).rejects.toThrow(ReplyTimeout);
  }, 60_000);

  async function until(met: () => boolean): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    while (!met()) {
      if (Date.now() > deadline) throw new Error('did not happen in time');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});
