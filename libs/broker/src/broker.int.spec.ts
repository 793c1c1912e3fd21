import { connect, type Channel } from 'amqplib';
import { IsInt, IsString } from 'class-validator';
import { eventually, testVhost, type TestVhost } from '@holdfast/testing';
import {
  ack,
  BrokerUnavailable,
  onCommand,
  onMessage,
  openBroker,
  ReplyTimeout,
  retry,
  Unroutable,
  type Broker,
  type Delivery,
} from './index';
import { HEADERS } from './delivery';
import { DEAD_LETTER_QUEUE } from './topology';

class Poured {
  static readonly messageName = 'poured.v1';
  static readonly kind = 'event';
  static readonly exchange = 'holdfast.events';
  static readonly bindingKey = 'poured.v1.*';
  static readonly routingKey = (message: Poured): string => `poured.v1.${message.tap}`;
  @IsString() tap!: string;
  @IsInt() cups!: number;
}

class Done {
  @IsString() outcome!: 'done';
  @IsInt() cups!: number;
}

class Pour {
  static readonly messageName = 'pour.v1';
  static readonly kind = 'command';
  static readonly exchange = 'holdfast.commands';
  static readonly bindingKey = 'pour.v1';
  static readonly routingKey = (): string => 'pour.v1';
  static readonly replies = { done: Done };
  @IsInt() cups!: number;
}

const WAIT_MS = 15_000;
/** Round trips to the broker: enough for a close that waits for nothing to be through. */
const LOOKS = 100;
const RETRY_DELAYS_MS = [50, 100];

describe('broker', () => {
  let vhost: TestVhost;
  let broker: Broker;
  const probes: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    vhost = await testVhost();
  });
  afterAll(async () => {
    await Promise.all(probes.map((connection) => connection.close()));
    await vhost.drop();
  });

  beforeEach(async () => {
    broker = openBroker({ url: vhost.url, name: 'test', retryDelaysMs: RETRY_DELAYS_MS });
    await broker.whenReady(WAIT_MS);
  });
  afterEach(() => broker.close());

  /** The dead letters that arrive from now on. */
  async function deadLetters(): Promise<Delivery[]> {
    const dead: Delivery[] = [];
    await broker
      .consume({ queue: DEAD_LETTER_QUEUE, prefetch: 10 }, (delivery) => {
        dead.push(delivery);
        return Promise.resolve(ack);
      })
      .whenConsuming(WAIT_MS);
    return dead;
  }

  it('delivers an event to every queue bound to it, validated, and with its extra fields', async () => {
    const seen: Record<string, Poured> = {};
    for (const reader of ['first', 'second']) {
      await broker.subscribe({ queue: `events.${reader}`, prefetch: 5 }, [
        onMessage(Poured, (message) => {
          seen[reader] = message;
          return Promise.resolve(ack);
        }),
      ]);
    }
    const sent = { tap: 'left', cups: 2, sugar: true };
    await broker.send(Poured, sent);
    await eventually(() => Object.keys(seen).length === 2);
    expect(seen).toEqual({ first: sent, second: sent });
  });

  it('counts an event that nobody reads as delivered, and refuses a command that nobody can handle', async () => {
    await broker.send(Poured, { tap: 'unread', cups: 1 });
    await expect(broker.request(Pour, { cups: 1 }, { timeoutMs: 1_000 })).rejects.toThrow(Unroutable);
  });

  it('answers a command, and repeats nothing', async () => {
    let calls = 0;
    const consumer = await broker.subscribe({ queue: 'pour', prefetch: 5 }, [
      onCommand(Pour, (message) => {
        calls += 1;
        return Promise.resolve({ outcome: 'done' as const, cups: message.cups * 2 });
      }),
    ]);
    const reply = await broker.request(Pour, { cups: 4 }, { timeoutMs: 5_000 });
    expect(reply).toEqual({ outcome: 'done', cups: 8 });
    expect(calls).toBe(1);
    await consumer.stop();
    await expect(broker.request(Pour, { cups: 4 }, { timeoutMs: 200 })).rejects.toThrow(ReplyTimeout);
  });

  it('retries a failing handler with a counted attempt, then puts the message to the dead letters with the reason', async () => {
    const dead = await deadLetters();
    const attempts: number[] = [];
    await broker.subscribe({ queue: 'failing', prefetch: 5, attemptsMax: 4 }, [
      onMessage(Poured, (_message, delivery) => {
        attempts.push(delivery.attempt);
        if (delivery.attempt === 2) return Promise.resolve(retry('not yet'));
        return Promise.reject(new TypeError('no cup'));
      }),
    ]);
    await broker.send(Poured, { tap: 'broken', cups: 1 });
    const letter = await eventually(() => dead[0]);
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(letter).toMatchObject({
      exchange: 'holdfast.events',
      routingKey: 'poured.v1.broken',
      messageName: 'poured.v1',
    });
    expect(letter.headers).toMatchObject({
      [HEADERS.queue]: 'failing',
      [HEADERS.reason]: 'TypeError: no cup (attempt 4 of 4)',
      [HEADERS.attempt]: 4,
    });
  });

  it('puts what it cannot read to the dead letters at once, without calling the handler', async () => {
    const dead = await deadLetters();
    let calls = 0;
    await broker.subscribe({ queue: 'strict', prefetch: 5 }, [
      onMessage(Poured, () => {
        calls += 1;
        return Promise.resolve(ack);
      }),
    ]);
    const to = { exchange: 'holdfast.events', routingKey: 'poured.v1.x', messageName: 'poured.v1' };
    await broker.publish(to, Buffer.from('{"tap":'));
    await broker.publish(to, { tap: 'x', cups: '3' });
    await broker.publish({ ...to, messageName: 'spilled.v1' }, { tap: 'x', cups: 3 });
    await eventually(() => dead.length === 3);
    const reasons = dead.map((letter) => letter.headers[HEADERS.reason]);
    expect(reasons).toContain('malformed: body is not JSON');
    expect(reasons).toContain('malformed: cups: must be integer');
    expect(reasons).toContain('unknown message "spilled.v1"');
    expect(calls).toBe(0);
  });

  it('refuses further publishes at once when too many wait for a confirm', async () => {
    const narrow = openBroker({ url: vhost.url, name: 'narrow', outstandingMax: 10 });
    await narrow.whenReady(WAIT_MS);
    const sent = Array.from({ length: 15 }, () => narrow.send(Poured, { tap: 'burst', cups: 1 }));
    const results = await Promise.allSettled(sent);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    await narrow.send(Poured, { tap: 'after', cups: 1 });
    await narrow.close();
  });

  it('confirms everything when the socket is full and it has to wait for drain', async () => {
    const body = Buffer.alloc(200_000, 'x');
    await broker.declare({ queues: [{ name: 'large' }] });
    await Promise.all(
      Array.from({ length: 100 }, () => broker.publish({ exchange: '', routingKey: 'large', mandatory: true }, body)),
    );
    const channel = await probe();
    expect((await channel.checkQueue('large')).messageCount).toBe(100);
  });

  it('consumes again after its queue was deleted', async () => {
    const seen: number[] = [];
    await broker.subscribe({ queue: 'deleted', prefetch: 5 }, [
      onMessage(Poured, (message) => {
        seen.push(message.cups);
        return Promise.resolve(ack);
      }),
    ]);
    const channel = await probe();
    await channel.deleteQueue('deleted');
    await eventually(async () => {
      await broker.send(Poured, { tap: 'again', cups: 7 });
      return seen.includes(7);
    });
  });

  it('publishes again after the exchange it publishes to was deleted, and consumes once', async () => {
    const seen: number[] = [];
    const reader = [onMessage(Poured, ({ cups }) => Promise.resolve((seen.push(cups), ack)))];
    await (await broker.subscribe({ queue: 'orphan', prefetch: 5 }, reader)).whenConsuming(WAIT_MS);
    const channel = await probe();
    await channel.deleteExchange(Poured.exchange);
    // RabbitMQ closes the channel of whoever publishes to it.
    await expect(broker.send(Poured, { tap: 'gone', cups: 1 })).rejects.toThrow(BrokerUnavailable);
    await eventually(() =>
      broker.send(Poured, { tap: 'again', cups: 2 }).then(
        () => true,
        () => false,
      ),
    );
    await eventually(() => seen.includes(2));
    expect((await channel.checkQueue('orphan')).consumerCount).toBe(1);
  });

  it('gives each process a queue of its own that goes with it', async () => {
    const seen: string[] = [];
    const others = await Promise.all(
      ['a', 'b'].map(async (name) => {
        const other = openBroker({ url: vhost.url, name });
        await other.whenReady(WAIT_MS);
        const consumer = await other.subscribe({ queue: 'map', prefetch: 5, exclusive: true }, [
          onMessage(Poured, () => Promise.resolve((seen.push(name), ack))),
        ]);
        await consumer.whenConsuming(WAIT_MS);
        return { other, queue: consumer.queue ?? '' };
      }),
    );
    await broker.send(Poured, { tap: 'all', cups: 1 });
    await eventually(() => seen.length === 2);
    expect(seen.sort()).toEqual(['a', 'b']);
    await Promise.all(others.map(({ other }) => other.close()));
    const channel = await probe();
    await expect(channel.checkQueue(others[0]?.queue ?? '')).rejects.toThrow(/NOT_FOUND/);
  });

  it('lets a handler end and acknowledges it before it closes', async () => {
    const other = openBroker({ url: vhost.url, name: 'closing' });
    await other.whenReady(WAIT_MS);
    let finish = (): void => undefined;
    let begun = 0;
    await other.subscribe({ queue: 'slow', prefetch: 1 }, [
      onMessage(Poured, async () => {
        begun += 1;
        await new Promise<void>((resolve) => (finish = resolve));
        return ack;
      }),
    ]);
    await other.send(Poured, { tap: 'one', cups: 1 });
    await other.send(Poured, { tap: 'two', cups: 2 });
    await eventually(() => begun === 1);
    const closed = other.close();
    const channel = await probe();
    // The handled message stays unacknowledged, not given back, for as long as its handler takes.
    for (let look = 0; look < LOOKS; look++) expect((await channel.checkQueue('slow')).messageCount).toBe(1);
    finish();
    await closed;
    expect(begun).toBe(1);
    expect((await channel.checkQueue('slow')).messageCount).toBe(1);
  });

  it('carries the trace of the sender to the handler', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const traced: (string | undefined)[] = [];
    const other = openBroker({
      url: vhost.url,
      name: 'traced',
      trace: { inject: () => traceparent, run: (parent, handler) => (traced.push(parent), handler()) },
    });
    await other.whenReady(WAIT_MS);
    await other.subscribe({ queue: 'traced', prefetch: 1 }, [onMessage(Poured, () => Promise.resolve(ack))]);
    await other.send(Poured, { tap: 'traced', cups: 1 });
    expect(await eventually(() => traced[0])).toBe(traceparent);
    await other.close();
  });

  /** A channel of the bare driver, to look at the broker past the library. */
  async function probe(): Promise<Channel> {
    const connection = await connect(vhost.url);
    probes.push(connection);
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    return channel;
  }
});
