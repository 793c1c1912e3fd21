import type { Channel } from 'amqplib';

/** What exists on the broker, as data. Asserted at every connect, so that a deleted part comes back. */
export interface Topology {
  exchanges?: Exchange[];
  queues?: Queue[];
  bindings?: Binding[];
}

export interface Exchange {
  name: string;
  type: 'topic' | 'direct' | 'fanout' | 'x-delayed-message';
  arguments?: Record<string, unknown>;
}

/** A durable quorum queue. There is no other lasting kind: transient shared queues are refused by RabbitMQ 4.3. */
export interface Queue {
  name: string;
  arguments?: Record<string, unknown>;
}

export interface Binding {
  exchange: string;
  queue: string;
  routingKey: string;
}

export const DEAD_EXCHANGE = 'holdfast.dead';
export const DEAD_LETTER_QUEUE = 'holdfast.dead-letters';

/** A message that took its worker down this often is poison. Set on every queue: 3.x has no limit, 4.0 has 20. */
export const DELIVERY_LIMIT = 20;

/** Each look at a dead letter counts as a delivery; with 4.x's default of 20 the twenty-first would drop it. */
const DEAD_LETTER_LOOKS_MAX = 1_000_000;

export const DEAD_LETTERS: Topology = {
  exchanges: [{ name: DEAD_EXCHANGE, type: 'fanout' }],
  queues: [{ name: DEAD_LETTER_QUEUE, arguments: { 'x-delivery-limit': DEAD_LETTER_LOOKS_MAX } }],
  bindings: [{ exchange: DEAD_EXCHANGE, queue: DEAD_LETTER_QUEUE, routingKey: '' }],
};

/** The exchanges that services share. */
const SHARED_EXCHANGES: Exchange[] = [
  { name: 'holdfast.events', type: 'topic' },
  { name: 'holdfast.commands', type: 'direct' },
  { name: 'holdfast.timers', type: 'direct' },
];

/** A dead letter must survive as surely as the message it was: at-least-once forwarding needs reject-publish. */
const FORWARD_AT_LEAST_ONCE = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' };

/**
 * A durable work queue: delivery limit, dead letters, bindings.
 *
 * @param singleActive one consumer at a time, the others stand by.
 */
export function workQueue(
  name: string,
  bindings: Omit<Binding, 'queue'>[] = [],
  options: { singleActive?: boolean } = {},
): Topology {
  return {
    queues: [
      {
        name,
        arguments: {
          'x-delivery-limit': DELIVERY_LIMIT,
          'x-dead-letter-exchange': DEAD_EXCHANGE,
          ...FORWARD_AT_LEAST_ONCE,
          ...(options.singleActive ? { 'x-single-active-consumer': true } : {}),
        },
      },
    ],
    bindings: bindings.map((binding) => ({ ...binding, queue: name })),
  };
}

/**
 * A queue nobody consumes: messages wait `ttlMs` and go on by dead-lettering. Only the head of a queue expires, so there is
 * one queue per duration.
 *
 * @param to where they go on; without a routing key they keep the one they were published with.
 */
export function waitingQueue(name: string, ttlMs: number, to: { exchange: string; routingKey?: string }): Queue {
  return {
    name,
    arguments: {
      'x-message-ttl': ttlMs,
      'x-dead-letter-exchange': to.exchange,
      ...(to.routingKey === undefined ? {} : { 'x-dead-letter-routing-key': to.routingKey }),
      ...FORWARD_AT_LEAST_ONCE,
    },
  };
}

/** The exchange of one retry delay. A message is published there with its work queue's name as the key. */
export const retryExchange = (delayMs: number): string => `holdfast.retry.${delayMs}`;

/**
 * What every connection declares: the shared exchanges, the dead letters, and one retry queue per delay. Retry queues are
 * shared by all work queues: they forward to the default exchange, which routes by the queue's name.
 */
export function sharedTopology(retryDelaysMs: readonly number[]): Topology {
  return {
    exchanges: [
      ...SHARED_EXCHANGES,
      ...(DEAD_LETTERS.exchanges ?? []),
      ...retryDelaysMs.map((delayMs): Exchange => ({ name: retryExchange(delayMs), type: 'fanout' })),
    ],
    queues: [
      ...(DEAD_LETTERS.queues ?? []),
      ...retryDelaysMs.map((delayMs) => waitingQueue(retryExchange(delayMs), delayMs, { exchange: '' })),
    ],
    bindings: [
      ...(DEAD_LETTERS.bindings ?? []),
      ...retryDelaysMs.map((delayMs) => ({
        exchange: retryExchange(delayMs),
        queue: retryExchange(delayMs),
        routingKey: '',
      })),
    ],
  };
}

/** Declares everything; each declaration is idempotent. Rejects with the broker's reason when one differs from what exists. */
export async function assertTopology(channel: Channel, topology: Topology): Promise<void> {
  for (const { name, type, arguments: args } of topology.exchanges ?? []) {
    await channel.assertExchange(name, type, { durable: true, arguments: args });
  }
  for (const { name, arguments: args } of topology.queues ?? []) {
    await channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': 'quorum', ...args } });
  }
  for (const { queue, exchange, routingKey } of topology.bindings ?? []) {
    await channel.bindQueue(queue, exchange, routingKey);
  }
}
