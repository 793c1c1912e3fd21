import { connect, type Channel, type ChannelModel, type GetMessage } from 'amqplib';
import { HEADERS, readDelivery } from './delivery';
import { BrokerUnavailable } from './errors';
import { sayGoodbye } from './goodbye';
import { CONNECT_TIMEOUT_MS } from './options';
import { CONFIRM_TIMEOUT_MS, OUTSTANDING_PUBLISHES_MAX, Publisher } from './publisher';
import { BROKER_HEADERS } from './settlement';
import { assertTopology, DEAD_LETTER_QUEUE, DEAD_LETTERS } from './topology';

/** A message that was given up, and where it would go again. */
export interface DeadLetter {
  id: string;
  messageName: string;
  /** Whose consumer gave it up. */
  queue: string;
  reason: string;
  attempt: number;
  diedAt: Date;
  exchange: string;
  routingKey: string;
  headers: Record<string, unknown>;
  body: Buffer;
}

/** Newest entry of the broker's own record of forwarding. */
interface BrokerDeath {
  queue: string;
  reason: string;
  exchange: string;
  'routing-keys'?: string[];
  /** Seconds since the epoch. */
  time?: { value: number };
}

const OUR_HEADERS: ReadonlySet<string> = new Set(Object.values(HEADERS).filter((name) => name !== HEADERS.traceparent));

/**
 * Takes up to `max` dead letters out of the queue to look at them. Nobody else sees them until `close`, which puts back
 * all that were neither replayed nor dropped. A quorum queue puts them behind others that were put back before, so with more letters than
 * `max` the next look may show other ones.
 *
 * @throws BrokerUnavailable when RabbitMQ cannot be reached.
 */
export async function openDeadLetters(url: string, max: number): Promise<DeadLetterBox> {
  const connection = await connect(url, { timeout: CONNECT_TIMEOUT_MS }).catch((error: Error) => {
    throw new BrokerUnavailable(`${new URL(url).host} cannot be reached (${error.message})`);
  });
  connection.on('error', () => undefined);
  try {
    return await takeOut(connection, max);
  } catch (error) {
    // An open connection would keep the process, and the letters that it has.
    await sayGoodbye(connection);
    throw error;
  }
}

async function takeOut(connection: ChannelModel, max: number): Promise<DeadLetterBox> {
  const channel = await connection.createChannel();
  // What an operation is refused for rejects it as well.
  channel.on('error', () => undefined);
  await assertTopology(channel, DEAD_LETTERS);
  const taken = new Map<DeadLetter, GetMessage>();
  while (taken.size < max) {
    const message = await channel.get(DEAD_LETTER_QUEUE);
    if (message === false) break;
    taken.set(readDeadLetter(message), message);
  }
  const { messageCount } = await channel.checkQueue(DEAD_LETTER_QUEUE);
  const limits = { confirmTimeoutMs: CONFIRM_TIMEOUT_MS, outstandingMax: OUTSTANDING_PUBLISHES_MAX };
  const publisher = new Publisher(await connection.createConfirmChannel(), limits);
  return new DeadLetterBox(connection, channel, publisher, taken, messageCount);
}

/** Dead letters taken out to be looked at; opened by `openDeadLetters`. */
export class DeadLetterBox {
  constructor(
    private readonly connection: ChannelModel,
    private readonly channel: Channel,
    private readonly publisher: Publisher,
    private readonly taken: Map<DeadLetter, GetMessage>,
    /** Dead letters beyond those taken. */
    readonly more: number,
  ) {}

  /** Oldest first. */
  get letters(): DeadLetter[] {
    return [...this.taken.keys()].sort((a, b) => a.diedAt.getTime() - b.diedAt.getTime());
  }

  /**
   * Publishes a letter where it first went to, as if for the first time, and removes it here once that is confirmed. Every
   * queue bound there gets it, so it may be a repeat for some.
   *
   * @throws Unroutable or BrokerUnavailable: the letter stays.
   */
  async replay(letter: DeadLetter): Promise<void> {
    const message = this.messageOf(letter);
    const { correlationId, replyTo } = readDelivery(message);
    const { exchange, routingKey, messageName, body } = letter;
    const headers = Object.fromEntries(
      Object.entries(letter.headers).filter(([name]) => !OUR_HEADERS.has(name) && !BROKER_HEADERS.test(name)),
    );
    await this.publisher.publish(
      { exchange, routingKey, messageName, mandatory: true, correlationId, replyTo, headers },
      body,
    );
    this.channel.ack(message);
    this.taken.delete(letter);
  }

  /** Removes a letter for good. */
  drop(letter: DeadLetter): void {
    this.channel.ack(this.messageOf(letter));
    this.taken.delete(letter);
  }

  private messageOf(letter: DeadLetter): GetMessage {
    const message = this.taken.get(letter);
    if (!message) throw new Error('Not a letter of this box, or dealt with already');
    return message;
  }

  /** Puts back what was neither replayed nor dropped. */
  async close(): Promise<void> {
    await sayGoodbye(this.channel);
    await sayGoodbye(this.connection);
  }
}

function readDeadLetter(message: GetMessage): DeadLetter {
  const { headers, messageId, messageName, attempt, body, ...from } = readDelivery(message);
  // Only the broker writes this one, when the delivery limit was reached; then its word is newer than ours.
  const death = (headers['x-death'] as BrokerDeath[] | undefined)?.[0];
  const published =
    HEADERS.exchange in headers || !death
      ? from
      : { exchange: death.exchange, routingKey: death['routing-keys']?.[0] ?? '' };
  return {
    id: messageId,
    messageName,
    queue: death?.queue ?? text(headers[HEADERS.queue]),
    reason: death ? `${death.reason} (set by RabbitMQ)` : text(headers[HEADERS.reason]),
    attempt,
    diedAt: death ? new Date((death.time?.value ?? 0) * 1_000) : new Date(text(headers[HEADERS.deadAt])),
    exchange: published.exchange,
    routingKey: published.routingKey,
    headers,
    body,
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : 'unknown';
}
