import type { Channel, ConsumeMessage } from 'amqplib';
import { HEADERS, type Delivery } from './delivery';
import type { Outcome } from './outcome';
import type { Envelope, Publisher } from './publisher';
import { DEAD_EXCHANGE, retryExchange } from './topology';

/** Long reasons would not fit into a header table beside the rest. */
const REASON_LENGTH_MAX = 500;
/** Written by the broker at each forwarding; ours say what is needed, and these only grow. */
export const BROKER_HEADERS = /^x-(death|first-death|last-death|delivery-count|acquired-count)/;

interface Settlement {
  channel: Channel;
  message: ConsumeMessage;
  delivery: Delivery;
  queue: string;
  outcome: Outcome;
  retryDelaysMs: readonly number[];
  publisher: () => Publisher;
}

/**
 * Does with a delivery what its outcome says. A message that goes on (retry, wait, dead letters) is published with a confirm
 * before it is acknowledged here, so it can be doubled but not lost.
 */
export async function settle(settlement: Settlement): Promise<void> {
  const { channel, message, delivery, queue, outcome, retryDelaysMs, publisher } = settlement;
  switch (outcome.settle) {
    case 'ack':
      return channel.ack(message);
    case 'requeue':
      return channel.nack(message, false, true);
    case 'retry':
    case 'wait': {
      const next = delivery.attempt + (outcome.settle === 'retry' ? 1 : 0);
      await publisher().publish(retryEnvelope(delivery, queue, retryDelaysMs, outcome.reason, next), delivery.body);
      return channel.ack(message);
    }
    case 'dead-letter':
      await publisher().publish(deadEnvelope(delivery, queue, outcome.reason), delivery.body);
      return channel.ack(message);
  }
}

/** A retry beyond the last attempt is a dead letter. */
export function limit(outcome: Outcome, attempt: number, attemptsMax: number): Outcome {
  if (outcome.settle !== 'retry' || attempt < attemptsMax) return outcome;
  return { settle: 'dead-letter', reason: `${outcome.reason} (attempt ${attempt} of ${attemptsMax})` };
}

function retryEnvelope(
  delivery: Delivery,
  queue: string,
  delaysMs: readonly number[],
  reason: string,
  nextAttempt: number,
): Envelope {
  const delayMs = delaysMs[Math.min(delivery.attempt, delaysMs.length) - 1] ?? 0;
  const message = onward(delivery, queue, reason);
  return {
    ...message,
    exchange: retryExchange(delayMs),
    routingKey: queue,
    headers: { ...message.headers, [HEADERS.attempt]: nextAttempt },
  };
}

function deadEnvelope(delivery: Delivery, queue: string, reason: string): Envelope {
  const message = onward(delivery, queue, reason);
  return {
    ...message,
    exchange: DEAD_EXCHANGE,
    routingKey: delivery.routingKey,
    headers: { ...message.headers, [HEADERS.deadAt]: new Date().toISOString() },
  };
}

/** The message as it was, with where it came from and why it goes on. */
function onward(delivery: Delivery, queue: string, reason: string): Omit<Envelope, 'exchange' | 'routingKey'> {
  const kept = Object.entries(delivery.headers).filter(([name]) => !BROKER_HEADERS.test(name));
  return {
    mandatory: true,
    messageName: delivery.messageName,
    correlationId: delivery.correlationId,
    replyTo: delivery.replyTo,
    headers: {
      ...Object.fromEntries(kept),
      [HEADERS.attempt]: delivery.attempt,
      [HEADERS.exchange]: delivery.exchange,
      [HEADERS.routingKey]: delivery.routingKey,
      [HEADERS.queue]: queue,
      [HEADERS.reason]: reason.slice(0, REASON_LENGTH_MAX),
    },
  };
}
