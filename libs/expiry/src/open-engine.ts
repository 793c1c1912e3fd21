import type { Broker } from '@holdfast/broker';
import { BufferedScheduler } from './buffered-scheduler';
import { DelayedTimers } from './delayed-exchange/delayed-timers';
import type { ExpiryEngine, ExpiryEngineName, ExpiryScheduler } from './expiry-engine';
import { ParkingTimers } from './parking/parking-timers';
import { RabbitmqEngine } from './rabbitmq-engine';
import type { TimerTransport } from './timer';

/** What the engines work with. The caller opens and closes these. */
export interface EngineParts {
  broker: Broker;
  /** Address of the same broker, for asking it things that may break a connection. */
  brokerUrl: string;
  /** The database's clock. */
  clock: { now(): number };
}

/**
 * The hold side of an engine. Opens also while RabbitMQ is away.
 *
 * @throws DelayedExchangeMissing when the engine needs a plugin that the broker does not have
 */
export async function openScheduler(name: ExpiryEngineName, parts: EngineParts): Promise<ExpiryScheduler> {
  const transport = transportOf(name, parts);
  await transport.prepare();
  return new BufferedScheduler(transport, () => parts.clock.now());
}

/** The worker side of an engine. It does nothing before `start`, which rejects like `openScheduler`. */
export function openEngine(name: ExpiryEngineName, parts: EngineParts): ExpiryEngine {
  return new RabbitmqEngine(parts.broker, transportOf(name, parts), () => parts.clock.now());
}

function transportOf(name: ExpiryEngineName, { broker, brokerUrl }: EngineParts): TimerTransport {
  switch (name) {
    case 'parking':
      return new ParkingTimers(broker);
    case 'delayed-exchange':
      return new DelayedTimers(broker, brokerUrl);
  }
}
