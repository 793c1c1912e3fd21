import { BufferedScheduler } from './buffered-scheduler';
import { DelayedTimers } from './delayed-exchange/delayed-timers';
import { required, type EngineParts, type RabbitmqParts } from './engine-parts';
import type { ExpiryEngine, ExpiryEngineName, ExpiryScheduler } from './expiry-engine';
import { KeyspaceEngine } from './keyspace/keyspace-engine';
import { KeyspaceTimers } from './keyspace/keyspace-timers';
import { ParkingTimers } from './parking/parking-timers';
import { RabbitmqEngine } from './rabbitmq-engine';
import { SqsEngine } from './sqs/sqs-engine';
import { SqsQueue } from './sqs/sqs-queue';
import { SqsTimers } from './sqs/sqs-timers';
import { SweepEngine, SweepScheduler } from './sweep/sweep-engine';
import type { TimerTransport } from './timer';
import { WheelTimers } from './timing-wheel/shards';
import { TimingWheelEngine } from './timing-wheel/timing-wheel-engine';

/** How the two ends of an engine are made from its parts. */
interface Ends {
  scheduler(parts: EngineParts): Promise<ExpiryScheduler>;
  engine(parts: EngineParts): ExpiryEngine;
}

const engines: Record<ExpiryEngineName, Ends> = {
  parking: inDueQueue(({ broker }) => new ParkingTimers(broker)),
  'delayed-exchange': inDueQueue(({ broker, url }) => new DelayedTimers(broker, url)),
  keyspace: {
    scheduler: (parts) => buffered(new KeyspaceTimers(required(parts, 'redis').commands), parts),
    engine: (parts) => new KeyspaceEngine(parts),
  },
  'timing-wheel': {
    scheduler: (parts) => buffered(new WheelTimers(required(parts, 'rabbitmq').broker), parts),
    engine: (parts) => new TimingWheelEngine(parts),
  },
  sqs: {
    scheduler: (parts) => buffered(new SqsTimers(new SqsQueue(required(parts, 'sqs'))), parts),
    engine: (parts) => new SqsEngine(parts),
  },
  sweep: { scheduler: () => Promise.resolve(new SweepScheduler()), engine: (parts) => new SweepEngine(parts) },
};

/**
 * The hold side of an engine. Opens also while its transport is away.
 *
 * @throws EngineUnavailable when the transport cannot do what the engine needs
 */
export function openScheduler(name: ExpiryEngineName, parts: EngineParts): Promise<ExpiryScheduler> {
  return engines[name].scheduler(parts);
}

/** The worker side of an engine. It does nothing before `start`, which rejects like `openScheduler`. */
export function openEngine(name: ExpiryEngineName, parts: EngineParts): ExpiryEngine {
  return engines[name].engine(parts);
}

/** The engines in RabbitMQ whose timers end in the one due queue: they differ only in how a timer waits. */
function inDueQueue(transportOf: (parts: RabbitmqParts) => TimerTransport): Ends {
  return {
    scheduler: (parts) => buffered(transportOf(required(parts, 'rabbitmq')), parts),
    engine: (parts) => {
      const rabbitmq = required(parts, 'rabbitmq');
      return new RabbitmqEngine(rabbitmq.broker, transportOf(rabbitmq), () => parts.clock.now());
    },
  };
}

async function buffered(transport: TimerTransport, { clock, log }: EngineParts): Promise<ExpiryScheduler> {
  await transport.prepare();
  return new BufferedScheduler(transport, () => clock.now(), log);
}
