import { Connection, type BrokerState } from './connection';
import { Consumer, type ConsumeOptions, type DeliveryHandler } from './consumer';
import type { Command, Contract, ReplyOf } from './contract';
import { HEADERS, type Delivery } from './delivery';
import { BrokerUnavailable } from './errors';
import { sayGoodbye } from './goodbye';
import { encode } from './message';
import { settingsOf, type BrokerOptions, type BrokerSettings } from './options';
import type { Envelope } from './publisher';
import { routeMessages, type Route } from './routes';
import { RpcClient } from './rpc-client';
import { DEAD_LETTER_QUEUE, workQueue, type Topology } from './topology';

export interface SubscribeOptions {
  /** The queue's name; with `exclusive` the beginning of it. */
  queue: string;
  /** Messages handled at once. */
  prefetch: number;
  attemptsMax?: number;
  /** A queue of this process alone, that goes with it: for caches that messages only help. */
  exclusive?: boolean;
}

/** How long the closing handshake may take. */
const GOODBYE_MS = 2_000;

/** Begins to connect in the background and returns at once, also when RabbitMQ is away. */
export function openBroker(options: BrokerOptions): Broker {
  return new Broker(settingsOf(options));
}

/** The process's one connection to RabbitMQ. */
export class Broker {
  private readonly connection: Connection;
  private readonly rpc: RpcClient;
  private readonly consumers: Consumer[] = [];
  private closing: Promise<void> | undefined;

  constructor(private readonly settings: BrokerSettings) {
    this.connection = new Connection(settings);
    this.rpc = new RpcClient(this.connection, settings);
  }

  get state(): BrokerState {
    return this.connection.state;
  }

  /** Whether messages can be sent now. */
  get ready(): boolean {
    return this.connection.state === 'ready';
  }

  /** Why it is not ready. */
  get lastError(): string | undefined {
    return this.ready ? undefined : this.connection.lastError;
  }

  /** @throws BrokerUnavailable when it is not ready within `timeoutMs`. */
  async whenReady(timeoutMs: number): Promise<void> {
    if (this.ready) return;
    await new Promise<void>((resolve, reject) => {
      const onReady = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.connection.off('ready', onReady);
        reject(new BrokerUnavailable(this.connection.lastError));
      }, timeoutMs);
      this.connection.once('ready', onReady);
    });
  }

  /** Declares exchanges, queues and bindings now, if connected, and at every later connect. Rejects with the broker's reason. */
  async declare(topology: Topology): Promise<void> {
    await this.connection.declare(topology);
  }

  /**
   * Publishes bytes or an object as JSON, persistent and confirmed.
   *
   * @throws BrokerUnavailable at once when RabbitMQ is away, or after the confirm time-out.
   * @throws Unroutable when `mandatory` and no queue is bound.
   */
  async publish(envelope: Envelope, body: Buffer | object): Promise<void> {
    const headers = this.traced(envelope.headers);
    await this.connection.publisher.publish({ ...envelope, headers }, Buffer.isBuffer(body) ? body : encode(body));
  }

  /** Publishes an event, timer or command by its contract. Events may have no reader; the others are mandatory. Throws as `publish`. */
  async send<T extends object>(contract: Contract<T>, message: T): Promise<void> {
    const { exchange, messageName, kind } = contract;
    const routingKey = contract.routingKey(message);
    await this.publish({ exchange, routingKey, messageName, mandatory: kind !== 'event' }, message);
  }

  /**
   * Sends a command and waits for its reply.
   *
   * @throws BrokerUnavailable when it could not be sent (or, with `maybeSent`, was not confirmed).
   * @throws Unroutable when nobody has ever bound a queue for it: it was not sent.
   * @throws ReplyTimeout when no reply came within `timeoutMs`: the outcome is unknown.
   */
  async request<T extends object, C extends Command<T>>(
    command: C & Command<T>,
    message: T,
    options: { timeoutMs: number },
  ): Promise<ReplyOf<C>> {
    return this.rpc.request<C>(command, message, this.traced(), options.timeoutMs);
  }

  /**
   * How many messages of all services were given up and wait for people.
   *
   * @throws BrokerUnavailable when RabbitMQ is away
   */
  async countDeadLetters(): Promise<number> {
    const channel = await this.connection.openChannel();
    try {
      return (await channel.checkQueue(DEAD_LETTER_QUEUE)).messageCount;
    } finally {
      await sayGoodbye(channel);
    }
  }

  /** Consumes a declared queue without contracts: the handler gets bytes and may keep a message as long as it likes. */
  consume(options: ConsumeOptions, handler: DeliveryHandler): Consumer {
    const consumer = new Consumer(this.connection, this.settings, options, handler);
    this.consumers.push(consumer);
    return consumer;
  }

  /** Declares a queue bound to what the routes handle, and consumes it with validated messages. */
  async subscribe(options: SubscribeOptions, routes: readonly Route[]): Promise<Consumer> {
    const { queue, prefetch, attemptsMax } = options;
    const bindings = routes.map(({ contract }) => ({ exchange: contract.exchange, routingKey: contract.bindingKey }));
    if (!options.exclusive) await this.declare(workQueue(queue, bindings));
    return this.consume(
      { queue, prefetch, attemptsMax, exclusive: options.exclusive ? bindings : undefined },
      routeMessages(routes, (delivery, reply) => this.reply(delivery, reply)),
    );
  }

  /** Stops consuming, waits for handlers and then for confirms, all within the close time-out, and closes. */
  close(): Promise<void> {
    return (this.closing ??= this.drain());
  }

  private async drain(): Promise<void> {
    await within(this.settings.closeTimeoutMs, this.finish());
    // A broker that hangs does not answer the farewell either; its heartbeats end the connection then.
    await within(GOODBYE_MS, this.connection.close());
  }

  private async finish(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
    await this.rpc.stop();
    if (this.ready) await this.connection.publisher.settled();
  }

  private async reply(delivery: Delivery, body: Buffer): Promise<void> {
    const { replyTo = '', correlationId, messageName } = delivery;
    try {
      await this.publish(
        { exchange: '', routingKey: replyTo, mandatory: true, correlationId, messageName: `${messageName}.reply` },
        body,
      );
    } catch (error) {
      this.settings.log.info({ messageName, reason: String(error) }, 'The reply did not reach its caller');
    }
  }

  private traced(headers: Record<string, unknown> = {}): Record<string, unknown> {
    const traceparent = this.settings.trace.inject();
    return traceparent === undefined ? headers : { [HEADERS.traceparent]: traceparent, ...headers };
  }
}

/** Waits for `work`, but not longer than this; what it would have said is lost then. */
async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
