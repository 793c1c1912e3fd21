import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { IllegalOperationError, type ConfirmChannel, type Options } from 'amqplib';
import { BrokerUnavailable, Unroutable } from './errors';

/** A broker under a memory or disk alarm withholds its confirms for as long as it likes. */
export const CONFIRM_TIMEOUT_MS = 5_000;
/** Publishes that wait for the socket or for a confirm. Beyond it a publish fails at once, instead of filling memory. */
export const OUTSTANDING_PUBLISHES_MAX = 2_000;

/** Where a message goes and what it carries beside its body. */
export interface Envelope {
  exchange: string;
  routingKey: string;
  /** Whether reaching no queue is an error (`Unroutable`). */
  mandatory?: boolean;
  messageName?: string;
  headers?: Record<string, unknown>;
  correlationId?: string;
  replyTo?: string;
}

export interface PublisherLimits {
  confirmTimeoutMs: number;
  outstandingMax: number;
}

/** One publish until it is settled, once. */
class Outstanding {
  sent = false;
  returned = false;
  resolve!: () => void;
  reject!: (error: Error) => void;
  readonly done = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** Publishes on one confirm channel: persistent, bounded, each publish settled by the broker's confirm or by a time-out. */
export class Publisher {
  /** Why nothing can be published by it any more. */
  failure: string | undefined;
  private readonly outstanding = new Map<string, Outstanding>();
  private readonly inFlight = new Set<Promise<void>>();
  /** Publishes not confirmed yet, those that timed out included: the driver remembers each of them. */
  private unconfirmed = 0;
  private draining: Promise<void> | undefined;

  constructor(
    private readonly channel: ConfirmChannel,
    private readonly limits: PublisherLimits,
  ) {
    channel.on('return', (message: { properties: { messageId?: unknown } }) => {
      // A return comes before the confirm of the same message.
      const publish = this.outstanding.get(String(message.properties.messageId));
      if (publish) publish.returned = true;
    });
    channel.on('error', (error: Error) => this.fail(error.message));
    channel.on('close', () => this.fail('its channel was closed'));
  }

  /**
   * Resolves when the broker has confirmed the message.
   *
   * @throws BrokerUnavailable when it is away, did not confirm in time, or too many publishes are outstanding.
   * @throws Unroutable when `mandatory` and no queue is bound.
   */
  async publish(envelope: Envelope, body: Buffer): Promise<void> {
    if (this.failure) throw new BrokerUnavailable(this.failure);
    if (this.unconfirmed >= this.limits.outstandingMax) {
      throw new BrokerUnavailable(`${this.limits.outstandingMax} publishes are waiting for a confirm`);
    }
    const sending = this.settle(envelope, body);
    this.inFlight.add(sending);
    try {
      await sending;
    } finally {
      this.inFlight.delete(sending);
    }
  }

  /** Waits until every publish has been settled; each is bounded by the confirm time-out. */
  async settled(): Promise<void> {
    while (this.inFlight.size > 0) await Promise.allSettled(this.inFlight);
  }

  private async settle(envelope: Envelope, body: Buffer): Promise<void> {
    const messageId = randomUUID();
    const publish = new Outstanding();
    this.unconfirmed += 1;
    this.outstanding.set(messageId, publish);
    const timer = setTimeout(
      () => publish.reject(new BrokerUnavailable(`no confirm within ${this.limits.confirmTimeoutMs} ms`, publish.sent)),
      this.limits.confirmTimeoutMs,
    );
    const send = (): void => {
      if (this.outstanding.has(messageId)) this.send(envelope, body, messageId, publish);
    };
    if (this.draining) void this.draining.then(send);
    else send();
    try {
      await publish.done;
    } finally {
      clearTimeout(timer);
      this.outstanding.delete(messageId);
      if (!publish.sent) this.unconfirmed -= 1;
    }
  }

  private send(envelope: Envelope, body: Buffer, messageId: string, publish: Outstanding): void {
    const options: Options.Publish = {
      persistent: true,
      contentType: 'application/json',
      messageId,
      timestamp: Math.floor(Date.now() / 1_000),
      mandatory: envelope.mandatory,
      type: envelope.messageName,
      headers: envelope.headers,
      correlationId: envelope.correlationId,
      replyTo: envelope.replyTo,
    };
    const { exchange, routingKey } = envelope;
    try {
      const written = this.channel.publish(exchange, routingKey, body, options, (error: unknown) => {
        this.unconfirmed -= 1;
        if (error) publish.reject(new BrokerUnavailable('the broker did not take the message', true, { cause: error }));
        else if (publish.returned) publish.reject(new Unroutable(exchange, routingKey));
        else publish.resolve();
      });
      publish.sent = true;
      // False means "kept in the socket's buffer", not "refused": this message is under way, the next one waits.
      if (!written) this.waitForDrain();
    } catch (error) {
      const closed = error instanceof IllegalOperationError;
      publish.reject(closed ? new BrokerUnavailable('the channel is closed') : (error as Error));
    }
  }

  private waitForDrain(): void {
    this.draining ??= once(this.channel, 'drain').then(
      () => (this.draining = undefined),
      // The channel failed: what waits here is rejected by `fail`.
      () => undefined,
    );
  }

  private fail(reason: string): void {
    this.failure ??= reason;
    for (const publish of this.outstanding.values()) publish.reject(new BrokerUnavailable(reason, publish.sent));
  }
}
