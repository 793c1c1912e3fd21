import { randomUUID } from 'node:crypto';
import type { Connection } from './connection';
import { Consumer } from './consumer';
import type { Command, ReplyOf } from './contract';
import type { Delivery } from './delivery';
import { BrokerUnavailable, ReplyTimeout } from './errors';
import { encode, parseReply } from './message';
import { CONNECT_TIMEOUT_MS, type BrokerSettings } from './options';
import { ack, type Outcome } from './outcome';

/** Replies are small and handled without waiting. */
const REPLIES_PREFETCH = 200;

interface Pending {
  resolve: (delivery: Delivery) => void;
  reject: (error: Error) => void;
}

/** Sends commands and waits for their replies on a queue of this process alone. */
export class RpcClient {
  private readonly pending = new Map<string, Pending>();
  private replies: Consumer | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly settings: BrokerSettings,
  ) {}

  /** See `Broker.request`. */
  async request<C extends Command>(
    command: C,
    message: object,
    headers: Record<string, unknown>,
    timeoutMs: number,
  ): Promise<ReplyOf<C>> {
    const publisher = this.connection.publisher;
    const replyQueue = await this.replyQueue(Math.min(timeoutMs, CONNECT_TIMEOUT_MS));
    const correlationId = randomUUID();
    let timer: NodeJS.Timeout | undefined;
    const reply = new Promise<Delivery>((resolve, reject) => {
      this.pending.set(correlationId, { resolve, reject });
      const late = new ReplyTimeout(command.messageName, `none within ${timeoutMs} ms`);
      timer = setTimeout(() => reject(late), timeoutMs);
    });
    // When the publish fails first, nobody is left to hear of the reply's fate.
    reply.catch(() => undefined);
    try {
      const { exchange, messageName } = command;
      const routingKey = command.routingKey(message);
      const envelope = {
        exchange,
        routingKey,
        messageName,
        mandatory: true,
        correlationId,
        replyTo: replyQueue,
        headers,
      };
      await publisher.publish(envelope, encode(message));
      const parsed = parseReply(command, (await reply).body);
      if (!parsed.ok) throw new Error(`The reply to ${messageName} is malformed: ${parsed.reason}`);
      return parsed.message;
    } finally {
      clearTimeout(timer);
      this.pending.delete(correlationId);
    }
  }

  private async replyQueue(timeoutMs: number): Promise<string> {
    if (!this.replies) {
      const options = {
        queue: `holdfast.replies.${this.settings.name}`,
        prefetch: REPLIES_PREFETCH,
        exclusive: [],
        onDetach: () => this.giveUp(),
      };
      this.replies = new Consumer(this.connection, this.settings, options, (delivery) => this.accept(delivery));
    }
    await this.replies.whenConsuming(timeoutMs);
    const { queue } = this.replies;
    if (!queue) throw new BrokerUnavailable('there is no queue for replies');
    return queue;
  }

  async stop(): Promise<void> {
    await this.replies?.stop();
  }

  /** Replies of a queue that went with its channel cannot come any more. */
  private giveUp(): void {
    for (const { reject } of this.pending.values()) {
      reject(new ReplyTimeout('a command', 'the queue it would have come to was lost'));
    }
  }

  private accept(delivery: Delivery): Promise<Outcome> {
    // A reply nobody waits for came too late: the caller was told that the outcome is unknown.
    this.pending.get(delivery.correlationId ?? '')?.resolve(delivery);
    return Promise.resolve(ack);
  }
}
