import { randomUUID } from 'node:crypto';
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Connection } from './connection';
import { HEADERS, readDelivery, type Delivery } from './delivery';
import { BrokerUnavailable } from './errors';
import { sayGoodbye } from './goodbye';
import { ATTEMPTS_MAX, RECONNECT_FIRST_MS, RECONNECT_MAX_MS, type BrokerSettings } from './options';
import { requeue, retry, type Outcome } from './outcome';
import type { Binding } from './topology';
import { limit, settle } from './settlement';

export interface ConsumeOptions {
  /** The queue, or the name's beginning for a queue of this process alone. */
  queue: string;
  /** Messages unacknowledged at once by this consumer, so also handlers at once. */
  prefetch: number;
  attemptsMax?: number;
  /** Bindings of a queue of this process alone: transient, gone with the connection, made anew with the next. */
  exclusive?: Omit<Binding, 'queue'>[];
  /** Called before the first message of a new channel can come. */
  onAttach?: () => void;
  /** Called when that channel is lost or given up: what came by it and is unacknowledged will come again, perhaps to another. */
  onDetach?: () => void;
}

/** Called for each message. A rejection counts as `retry`. */
export type DeliveryHandler = (delivery: Delivery) => Promise<Outcome>;

/** An exclusive queue whose process hangs must not fill the broker; what it holds is a hint or a reply. */
const EXCLUSIVE_QUEUE_MESSAGES_MAX = 100_000;

/**
 * Consumes one queue for as long as the process lives: again after a lost connection, a cancelled consumer or a deleted
 * queue. A handler in flight when the connection goes is let finish; its acknowledgement is dropped, and the broker
 * delivers the message again.
 */
export class Consumer {
  /** The queue consumed now; undefined while there is none. */
  queue: string | undefined;
  private readonly handling = new Set<Promise<void>>();
  private channel: Channel | undefined;
  private consumerTag: string | undefined;
  private attaching: Promise<void> | undefined;
  private retryTimer: NodeJS.Timeout | undefined;
  private retryMs = RECONNECT_FIRST_MS;
  private stopped = false;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly connection: Connection,
    private readonly settings: BrokerSettings,
    private readonly options: ConsumeOptions,
    private readonly handler: DeliveryHandler,
  ) {
    connection.on('ready', this.onReady);
    if (connection.state === 'ready') this.onReady();
  }

  /** @throws BrokerUnavailable when it does not consume within `timeoutMs`. */
  async whenConsuming(timeoutMs: number): Promise<void> {
    if (this.queue) return;
    await new Promise<void>((resolve, reject) => {
      const onConsuming = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.delete(onConsuming);
        reject(new BrokerUnavailable(`${this.options.queue} is not consumed yet`));
      }, timeoutMs);
      this.waiting.add(onConsuming);
    });
  }

  /** Stops taking messages and waits for the handlers in flight; what was not begun goes back to the queue. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.connection.off('ready', this.onReady);
    clearTimeout(this.retryTimer);
    await this.attaching;
    const { channel, consumerTag } = this;
    if (channel && consumerTag) await channel.cancel(consumerTag).catch(() => undefined);
    await Promise.allSettled(this.handling);
    if (channel) await sayGoodbye(channel);
    this.queue = undefined;
  }

  private readonly onReady = (): void => {
    this.retryMs = RECONNECT_FIRST_MS;
    // Its channel outlives the one for publishing when only that was made anew.
    if (!this.channel) this.attach();
  };

  private attach(): void {
    if (this.stopped || this.attaching) return;
    clearTimeout(this.retryTimer);
    this.attaching = this.begin()
      .catch((error: unknown) => {
        this.settings.log.warn({ queue: this.options.queue, reason: String(error) }, 'Cannot consume; trying again');
        this.attachLater();
      })
      .finally(() => (this.attaching = undefined));
  }

  private attachLater(): void {
    // Without a connection there is nothing to try: `ready` begins again.
    const { state } = this.connection;
    if (this.stopped || state === 'connecting' || state === 'closed') return;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => {
      this.connection.redeclare().then(
        () => this.attach(),
        () => this.attachLater(),
      );
    }, this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, RECONNECT_MAX_MS);
  }

  private async begin(): Promise<void> {
    const channel = await this.connection.openChannel();
    channel.on('close', () => this.lose(channel));
    this.channel = channel;
    await channel.prefetch(this.options.prefetch);
    const queue = await this.declareQueue(channel);
    this.options.onAttach?.();
    const { consumerTag } = await channel.consume(queue, (message) =>
      message ? this.accept(channel, queue, message) : this.cancelled(channel),
    );
    this.consumerTag = consumerTag;
    this.queue = queue;
    this.retryMs = RECONNECT_FIRST_MS;
    for (const onConsuming of this.waiting) onConsuming();
    this.waiting.clear();
  }

  private async declareQueue(channel: Channel): Promise<string> {
    const { queue, exclusive } = this.options;
    if (!exclusive) return queue;
    // A fresh name each time: after a broken link the broker may still keep the old queue locked for the dead connection.
    const name = `${queue}.${randomUUID()}`;
    await channel.assertQueue(name, {
      durable: false,
      exclusive: true,
      autoDelete: true,
      arguments: { 'x-max-length': EXCLUSIVE_QUEUE_MESSAGES_MAX },
    });
    for (const { exchange, routingKey } of exclusive) await channel.bindQueue(name, exchange, routingKey);
    return name;
  }

  /** The broker cancelled this consumer: its queue was deleted or its leader moved. */
  private cancelled(channel: Channel): void {
    if (this.stopped || this.channel !== channel) return;
    this.settings.log.warn({ queue: this.options.queue }, 'The consumer was cancelled by RabbitMQ; consuming again');
    this.forget();
    this.options.onDetach?.();
    // Handlers in flight acknowledge on the old channel, then it goes.
    void Promise.allSettled(this.handling).then(() => sayGoodbye(channel));
    this.attachLater();
  }

  private lose(channel: Channel): void {
    if (this.channel !== channel) return;
    this.forget();
    this.options.onDetach?.();
    this.attachLater();
  }

  private forget(): void {
    this.channel = undefined;
    this.consumerTag = undefined;
    this.queue = undefined;
  }

  private accept(channel: Channel, queue: string, message: ConsumeMessage): void {
    // Came between the wish to stop and the broker's knowing: it goes back when the channel closes.
    if (this.stopped) return;
    const delivery = readDelivery(message);
    const traceparent = delivery.headers[HEADERS.traceparent];
    // All of it within the message's trace: a line about it that names no trace leads nowhere.
    const work = this.settings.trace
      .run(typeof traceparent === 'string' ? traceparent : undefined, () =>
        this.handle(channel, queue, message, delivery),
      )
      .finally(() => this.handling.delete(work));
    this.handling.add(work);
  }

  private async handle(channel: Channel, queue: string, message: ConsumeMessage, delivery: Delivery): Promise<void> {
    const { messageName, attempt } = delivery;
    const { log, retryDelaysMs } = this.settings;
    const outcome = limit(await this.outcomeOf(delivery, queue), attempt, this.options.attemptsMax ?? ATTEMPTS_MAX);
    const settlement = { channel, message, delivery, queue, retryDelaysMs, publisher: () => this.connection.publisher };
    try {
      await settle({ ...settlement, outcome });
      if (outcome.settle === 'dead-letter') {
        log.error({ queue, messageName, attempt, reason: outcome.reason }, 'A message was given up: a dead letter');
      }
    } catch (error) {
      // With a channel that is lost go all its messages, which the broker puts back: one line told of that.
      if (this.channel === channel) {
        log.warn({ queue, messageName, reason: String(error) }, 'Not acknowledged; comes again');
      }
      await settle({ ...settlement, outcome: requeue }).catch(
        // The channel is gone and with it the delivery: the broker has put the message back by itself.
        () => undefined,
      );
    }
  }

  private async outcomeOf(delivery: Delivery, queue: string): Promise<Outcome> {
    try {
      return await this.handler(delivery);
    } catch (error) {
      const { messageName, attempt } = delivery;
      this.settings.log.error({ err: error, queue, messageName, attempt }, 'A message handler failed');
      return retry(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  }
}
