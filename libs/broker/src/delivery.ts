import type { ConsumeMessage, GetMessage } from 'amqplib';

/** Headers of our own. RabbitMQ 4 ignores an `x-death` that a client republishes, so attempts are counted here. */
export const HEADERS = {
  attempt: 'x-holdfast-attempt',
  exchange: 'x-holdfast-exchange',
  routingKey: 'x-holdfast-routing-key',
  queue: 'x-holdfast-queue',
  reason: 'x-holdfast-reason',
  /** When a message was given up, ISO 8601. */
  deadAt: 'x-holdfast-dead-at',
  traceparent: 'traceparent',
} as const;

/** A message as it arrived. */
export interface Delivery {
  body: Buffer;
  /** AMQP type: the contract's name and version. Empty when the sender set none. */
  messageName: string;
  messageId: string;
  /** Where it was first published to, also after retries. */
  exchange: string;
  routingKey: string;
  headers: Record<string, unknown>;
  /** 1 at first, one more after each retry. A redelivery after a crash does not count here but in the delivery limit. */
  attempt: number;
  redelivered: boolean;
  correlationId?: string;
  replyTo?: string;
}

/** A message of amqplib as handlers see it: where it was first published to, and which attempt this is. */
export function readDelivery(message: ConsumeMessage | GetMessage): Delivery {
  const { fields, properties, content } = message;
  const headers: Record<string, unknown> = { ...properties.headers };
  return {
    body: content,
    messageName: text(properties.type) ?? '',
    messageId: text(properties.messageId) ?? '',
    exchange: text(headers[HEADERS.exchange]) ?? fields.exchange,
    routingKey: text(headers[HEADERS.routingKey]) ?? fields.routingKey,
    headers,
    attempt: Number(headers[HEADERS.attempt] ?? 1) || 1,
    redelivered: fields.redelivered,
    correlationId: text(properties.correlationId),
    replyTo: text(properties.replyTo),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
