/**
 * RabbitMQ is away, blocked by an alarm, or did not confirm in time. When the message may have reached it before that,
 * `maybeSent` is true: send again only what may arrive twice.
 */
export class BrokerUnavailable extends Error {
  constructor(
    reason: string,
    readonly maybeSent = false,
    options?: ErrorOptions,
  ) {
    super(`RabbitMQ is not available: ${reason}`, options);
    this.name = 'BrokerUnavailable';
  }
}

/** The message was refused because no queue is bound for it: nobody who could handle it has ever started. It was not sent. */
export class Unroutable extends Error {
  constructor(
    readonly exchange: string,
    readonly routingKey: string,
  ) {
    super(`No queue is bound to exchange "${exchange}" for the key "${routingKey}"`);
    this.name = 'Unroutable';
  }
}

/** A command was sent and no reply came, or none can come any more. **Its outcome is unknown**: it may have been done. */
export class ReplyTimeout extends Error {
  constructor(messageName: string, reason: string) {
    super(`No reply to ${messageName}: ${reason}`);
    this.name = 'ReplyTimeout';
  }
}
