import type { Broker } from '@holdfast/broker';
import type { RedisClient } from '@holdfast/redis';
import type { HoldDeadline } from './expiry-engine';
import type { Timer } from './timer';

/**
 * What the engines work with. The caller gives what its engines need and may leave out the rest; it opens and closes what
 * is a connection here. An engine takes its parts by {@link required}.
 */
export interface EngineParts {
  /** Milliseconds since the epoch by the database's clock, see `DatabaseClock`. */
  clock: { now(): number };
  rabbitmq?: RabbitmqParts;
  redis?: RedisParts;
  sqs?: SqsSettings;
  sweep?: SweepSettings;
  timingWheel?: TimingWheelSettings;
  /** The holds as the database has them. */
  holds?: OutstandingHolds;
  log?: EngineLog;
}

export interface RabbitmqParts {
  broker: Broker;
  /** Address of the same broker, for asking it things that may break a connection. */
  url: string;
}

export interface RedisParts {
  /** For commands; it may be shared with others. */
  commands: RedisClient;
  /** Opens a connection for subscriptions, which the engine closes itself. */
  openSubscriber(): RedisClient;
  /** The prefix that both of them put before every key. */
  keyPrefix: string;
}

export interface SqsSettings {
  /** Undefined: Amazon's own of the region. */
  endpoint?: string;
  region: string;
  /** Name of a standard queue; made when it is not there. */
  queue: string;
}

export interface SweepSettings {
  /** From one look at the database to the next. */
  everyMs: number;
}

export interface TimingWheelSettings {
  /** Of the worker alone, or shared with others on the same machine; it outlives the process. */
  journalFolder: string;
}

/** Callbacks, because an engine knows no tables. */
export interface OutstandingHolds {
  /** Holds that have run out and were not released, the oldest first, `limit` of them at most. */
  readDue(limit: number): Promise<Timer[]>;
  /** Every hold that is held now, in pages, by deadline: what restores an engine that has lost its timers. */
  readOutstanding(): AsyncIterable<HoldDeadline[]>;
}

/** Fits pino. */
export interface EngineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** The part by this name. A missing one is a mistake of the caller, not of the operator. */
export function required<Part extends keyof EngineParts>(
  parts: EngineParts,
  part: Part,
): NonNullable<EngineParts[Part]> {
  const given = parts[part];
  if (!given) throw new Error(`this expiry engine needs EngineParts.${part}`);
  return given;
}
