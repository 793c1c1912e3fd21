import type { Broker } from '@holdfast/broker';
import type { DatabaseClock, EngineLog, EngineParts } from '@holdfast/expiry';
import { dueHolds, outstandingHolds } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import { openRedis, openRedisSubscriber } from '@holdfast/redis';
import type { ExpiryWorkerConfig } from './expiry-worker-config';

/** What the worker is connected to under every engine. */
interface Connected {
  database: Database;
  broker: Broker;
  clock: DatabaseClock;
  log: EngineLog;
}

export interface EngineConnections {
  parts: EngineParts;
  /** Closes what was opened for the engines alone. */
  close(): void;
}

/** The parts of the engines that are set; connections that only some engines need are opened for those alone. */
export function connectEngines(
  config: ExpiryWorkerConfig,
  { database, broker, clock, log }: Connected,
): EngineConnections {
  const redis = config.expiryEngines.includes('keyspace') ? connectRedis(config) : undefined;
  return {
    parts: {
      clock,
      rabbitmq: { broker, url: config.rabbitmqUrl },
      redis,
      sqs: { endpoint: config.sqsEndpoint, region: config.sqsRegion, queue: config.sqsQueue },
      sweep: { everyMs: config.sweepEveryMs },
      timingWheel: { journalFolder: config.timerJournal },
      holds: {
        readDue: (limit) => dueHolds(database, { overdueMs: 0, limit }),
        readOutstanding: () => outstandingHolds(database),
      },
      log,
    },
    close: () => redis?.commands.disconnect(),
  };
}

function connectRedis({ redisUrl, redisKeyPrefix }: ExpiryWorkerConfig): EngineParts['redis'] {
  const options = { url: redisUrl, connectionName: 'expiry-worker', keyPrefix: redisKeyPrefix };
  return {
    commands: openRedis(options),
    openSubscriber: () => openRedisSubscriber(options),
    keyPrefix: redisKeyPrefix,
  };
}
