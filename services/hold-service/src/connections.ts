import { openBroker, type Broker } from '@holdfast/broker';
import { DatabaseClock, openScheduler, type ExpiryScheduler } from '@holdfast/expiry';
import { Guard } from '@holdfast/guard';
import { hold, HoldCommitter } from '@holdfast/inventory';
import { createLogger, currentTraceparent, withTraceparent, type Metrics } from '@holdfast/observability';
import { openDatabase, type Database } from '@holdfast/postgres';
import { openRedis, type RedisClient } from '@holdfast/redis';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { HoldServiceConfig } from './hold-service-config';

const NAME = 'hold-service';

interface Parts {
  database: Database;
  clock: DatabaseClock;
  redis: RedisClient;
  guard: Guard;
  broker: Broker;
  scheduler: ExpiryScheduler;
  committer: HoldCommitter;
}

/** What the service is connected to, and the order in which it lets go. Opens also while the servers are away. */
export class Connections implements OnApplicationShutdown {
  private constructor(private readonly parts: Parts) {}

  /** @throws DelayedExchangeMissing when that engine is set and the broker lacks the plugin */
  static async open(config: HoldServiceConfig, metrics: Metrics): Promise<Connections> {
    const database = openDatabase({
      url: config.postgresUrl,
      applicationName: NAME,
      connectionsMax: config.postgresConnectionsMax,
    });
    const redis = openRedis({ url: config.redisUrl, connectionName: NAME, keyPrefix: config.redisKeyPrefix });
    const broker = openBroker({
      url: config.rabbitmqUrl,
      name: NAME,
      log: createLogger({ service: NAME, level: config.logLevel }),
      trace: { inject: currentTraceparent, run: withTraceparent },
    });
    const clock = await DatabaseClock.open(database);
    const scheduler = await openScheduler(config.expiryEngine, { broker, brokerUrl: config.rabbitmqUrl, clock });
    const committer = new HoldCommitter({
      write: (eventId, requests) => hold(database, eventId, requests),
      onCommitted: (eventId, held) =>
        scheduler.schedule(held.map(({ hold: { holdId, deadline } }) => ({ eventId, holdId, deadline }))),
      batchMax: config.groupCommitBatchMax,
      queueMax: config.groupCommitQueueMax,
      answerWithinMs: config.groupCommitAnswerWithinMs,
    });
    return new Connections({
      database,
      clock,
      redis,
      guard: new Guard({ redis, metrics }),
      broker,
      scheduler,
      committer,
    });
  }

  get database(): Database {
    return this.parts.database;
  }

  get guard(): Guard {
    return this.parts.guard;
  }

  get broker(): Broker {
    return this.parts.broker;
  }

  get committer(): HoldCommitter {
    return this.parts.committer;
  }

  /** Called when the last request and command have been answered, so their guard updates are done too. */
  async onApplicationShutdown(): Promise<void> {
    const { committer, scheduler, broker, redis, clock, database } = this.parts;
    await committer.settled();
    await scheduler.close();
    await broker.close();
    redis.disconnect();
    await clock.close();
    await database.close();
  }
}
