import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { connect as connectTo, createServer, type AddressInfo } from 'node:net';
import { connect } from 'amqplib';
import { IsInt, IsString } from 'class-validator';
import { eventually, testVhost, type TestVhost } from '@holdfast/testing';
import { ack, onMessage, openBroker, openDeadLetters, requeue, retry, Unroutable, wait, type Broker } from './index';
import { DEAD_LETTER_QUEUE, DELIVERY_LIMIT } from './topology';

class Spilled {
  static readonly messageName = 'spilled.v1';
  static readonly kind = 'event';
  static readonly exchange = 'holdfast.events';
  static readonly bindingKey = 'spilled.v1.*';
  static readonly routingKey = (message: Spilled): string => `spilled.v1.${message.table}`;
  @IsString() table!: string;
  @IsInt() cups!: number;
}

const WAIT_MS = 15_000;
const LOOK_MAX = 100;

describe('dead letters', () => {
  let vhost: TestVhost;
  let broker: Broker;
  const handled: { table: string; attempt: number }[] = [];
  let refusing = true;
  const traces = new AsyncLocalStorage<string | undefined>();
  const lines: { message: string; trace: string | undefined; reason?: unknown }[] = [];

  beforeEach(async () => {
    vhost = await testVhost();
    handled.length = 0;
    refusing = true;
    lines.length = 0;
    const write = (fields: object, message: string) =>
      void lines.push({ ...fields, message, trace: traces.getStore() });
    broker = openBroker({
      url: vhost.url,
      name: 'test',
      retryDelaysMs: [20],
      log: { info: () => undefined, warn: write, error: write },
      trace: { inject: () => 'the trace of the sender', run: (trace, handler) => traces.run(trace, handler) },
    });
    await broker.whenReady(WAIT_MS);
    const consumer = await broker.subscribe({ queue: 'floor', prefetch: 10, attemptsMax: 2 }, [
      onMessage(Spilled, (message, { attempt }) => {
        if (message.table === 'wild') return Promise.resolve(requeue);
        if (message.table === 'flooded') {
          handled.push({ table: message.table, attempt });
          return Promise.resolve(handled.length < 5 ? wait('the pump is away') : ack);
        }
        if (message.table === 'broken') throw new Error('the leg came off');
        if (refusing) return Promise.resolve(retry('no mop'));
        handled.push({ table: message.table, attempt });
        return Promise.resolve(ack);
      }),
    ]);
    await consumer.whenConsuming(WAIT_MS);
  });
  afterEach(async () => {
    await broker.close();
    await vhost.drop();
  });

  /** Waits until so many letters lie there; looking does not change them. */
  async function waitForLetters(count: number): Promise<void> {
    let found = 0;
    await eventually(
      async () => {
        const box = await openDeadLetters(vhost.url, LOOK_MAX);
        found = box.letters.length;
        await box.close();
        return found === count;
      },
      () => `${count} dead letters; there are ${found}`,
    );
  }

  it('are counted, and each has a line in the log, in the trace of its message', async () => {
    expect(await broker.countDeadLetters()).toBe(0);
    await broker.send(Spilled, { table: 'broken', cups: 1 });
    await waitForLetters(1);
    const trace = 'the trace of the sender';
    expect(lines).toMatchObject([
      { message: 'A message handler failed', trace },
      { message: 'A message handler failed', trace },
      { message: 'A message was given up: a dead letter', reason: 'Error: the leg came off (attempt 2 of 2)', trace },
    ]);
    await eventually(async () => (await broker.countDeadLetters()) === 1);
  });

  it('are not made of what had to wait, however often', async () => {
    await broker.send(Spilled, { table: 'flooded', cups: 1 });
    await eventually(() => handled.length === 5);
    expect(handled).toEqual(Array(5).fill({ table: 'flooded', attempt: 1 }));
    expect(await broker.countDeadLetters()).toBe(0);
  });

  it('are listed with reason and origin, oldest first, and looking changes nothing', async () => {
    for (const [index, table] of ['one', 'two', 'three'].entries()) {
      await broker.send(Spilled, { table, cups: 1 });
      await waitForLetters(index + 1);
    }
    for (let look = 0; look < 3; look++) {
      const box = await openDeadLetters(vhost.url, LOOK_MAX);
      const keys = box.letters.map((letter) => letter.routingKey);
      expect(keys).toEqual(['spilled.v1.one', 'spilled.v1.two', 'spilled.v1.three']);
      expect(box.more).toBe(0);
      expect(box.letters[0]).toMatchObject({
        messageName: 'spilled.v1',
        queue: 'floor',
        reason: 'no mop (attempt 2 of 2)',
        attempt: 2,
      });
      await box.close();
    }
    const box = await openDeadLetters(vhost.url, 2);
    expect(box.letters).toHaveLength(2);
    expect(box.more).toBe(1);
    await box.close();
  });

  it('are replayed to where they first went, with the attempts counted anew, and then are gone', async () => {
    await broker.send(Spilled, { table: 'one', cups: 1 });
    await broker.send(Spilled, { table: 'two', cups: 1 });
    await waitForLetters(2);
    refusing = false;
    const box = await openDeadLetters(vhost.url, LOOK_MAX);
    const [first] = box.letters;
    if (!first) throw new Error('there is a letter');
    await box.replay(first);
    await expect(box.replay(first)).rejects.toThrow('dealt with already');
    await box.close();
    await waitForLetters(1);
    await eventually(() => handled.length > 0);
    expect(handled).toEqual([{ table: 'one', attempt: 1 }]);
  });

  it('stay when nobody is bound any more', async () => {
    await broker.send(Spilled, { table: 'one', cups: 1 });
    await waitForLetters(1);
    await broker.close();
    const connection = await connect(vhost.url);
    const channel = await connection.createChannel();
    await channel.deleteQueue('floor');
    await connection.close();
    const box = await openDeadLetters(vhost.url, LOOK_MAX);
    const [letter] = box.letters;
    if (!letter) throw new Error('there is a letter');
    await expect(box.replay(letter)).rejects.toThrow(Unroutable);
    await box.close();
    await waitForLetters(1);
  });

  it('hold what came back too often, with the reason set by RabbitMQ and the true origin', async () => {
    await broker.send(Spilled, { table: 'wild', cups: DELIVERY_LIMIT });
    await waitForLetters(1);
    const box = await openDeadLetters(vhost.url, LOOK_MAX);
    expect(box.letters[0]).toMatchObject({
      queue: 'floor',
      reason: 'delivery_limit (set by RabbitMQ)',
      exchange: 'holdfast.events',
      routingKey: 'spilled.v1.wild',
    });
    await box.close();
  });

  it('cannot be looked at where their queue is another one, and no connection stays open then', async () => {
    const other = await testVhost();
    const admin = await connect(other.url);
    await (await admin.createChannel()).assertQueue(DEAD_LETTER_QUEUE, { durable: true });
    await admin.close();

    const { port, hostname } = new URL(other.url);
    const link = createServer((near) => {
      const far = connectTo(Number(port), hostname);
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    }).listen(0, '127.0.0.1');
    await once(link, 'listening');
    const overLink = new URL(other.url);
    overLink.port = String((link.address() as AddressInfo).port);
    await expect(openDeadLetters(overLink.toString(), LOOK_MAX)).rejects.toThrow('PRECONDITION');
    // Ends when the last connection over it does.
    await new Promise((resolve) => link.close(resolve));
    await other.drop();
  });
});
