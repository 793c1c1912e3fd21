import { waitingQueue, type Broker, type Topology } from '@holdfast/broker';
import { HoldDeadlines } from '@holdfast/contracts';
import { DUE_KEY, dueTopology, timerEnvelope, timerMessage } from '../due-queue';
import type { Timer, TimerTransport } from '../timer';
import { RUNGS_MS, rungFor, shardsOf } from './ladder';

/**
 * Parks timers in queues without consumers, whose time to live is a rung of the ladder; the broker forwards them, at least
 * once, into the due queue. Stock RabbitMQ from 3.10 on. See docs/decisions/007-parking-default.md.
 */
export class ParkingTimers implements TimerTransport {
  private sent = 0;

  constructor(private readonly broker: Broker) {}

  async prepare(): Promise<void> {
    await this.broker.declare(parkingTopology());
  }

  async send(timer: Timer, remainingMs: number): Promise<void> {
    const rungMs = rungFor(remainingMs);
    const key = rungMs === undefined ? DUE_KEY : parkingQueue(rungMs, this.sent++ % shardsOf(rungMs));
    await this.broker.publish(timerEnvelope(key), timerMessage(timer));
  }
}

/** Queue and routing key of one shard of one rung. */
function parkingQueue(rungMs: number, shard: number): string {
  return `holdfast.parking.${rungMs}ms.${shard}`;
}

function parkingTopology(): Topology {
  const shards = RUNGS_MS.flatMap((rungMs) =>
    Array.from({ length: shardsOf(rungMs) }, (_, shard) => ({ rungMs, name: parkingQueue(rungMs, shard) })),
  );
  const { exchange } = HoldDeadlines;
  return {
    queues: [
      ...(dueTopology.queues ?? []),
      ...shards.map(({ rungMs, name }) => waitingQueue(name, rungMs, { exchange, routingKey: DUE_KEY })),
    ],
    bindings: [
      ...(dueTopology.bindings ?? []),
      ...shards.map(({ name }) => ({ exchange, queue: name, routingKey: name })),
    ],
  };
}
