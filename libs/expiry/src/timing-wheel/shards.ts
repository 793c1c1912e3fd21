import { crc32 } from 'node:zlib';
import { workQueue, type Broker, type Topology } from '@holdfast/broker';
import { HoldDeadlines } from '@holdfast/contracts';
import { timerEnvelope, timerMessage } from '../due-queue';
import type { Timer, TimerTransport } from '../timer';

/**
 * The timers are divided by their event, so that holds of one event stay together in messages and statements. A shard is
 * what is handed over between workers. The number is part of queue and folder names and never changes.
 */
export const SHARDS = 4;

export const shardOf = (eventId: string): number => crc32(eventId.toLowerCase()) % SHARDS;

/** Where a shard's timers wait for the worker that owns it: queue and routing key. */
export const shardQueue = (shard: number): string => `holdfast.wheel.${shard}`;

/** One consumer at a time per shard: the broker says who owns it. */
export const wheelTopology: Topology = Array.from({ length: SHARDS }, (_, shard) =>
  workQueue(shardQueue(shard), [{ exchange: HoldDeadlines.exchange, routingKey: shardQueue(shard) }], {
    singleActive: true,
  }),
).reduce((all, { queues = [], bindings = [] }) => ({
  queues: [...(all.queues ?? []), ...queues],
  bindings: [...(all.bindings ?? []), ...bindings],
}));

/** Brings timers to the wheel of their shard at once: the whole wait is there. */
export class WheelTimers implements TimerTransport {
  constructor(private readonly broker: Broker) {}

  async prepare(): Promise<void> {
    await this.broker.declare(wheelTopology);
  }

  async send(timer: Timer): Promise<void> {
    await this.broker.publish(timerEnvelope(shardQueue(shardOf(timer.eventId))), timerMessage(timer));
  }
}
