import { Guard } from '@holdfast/guard';
import { hold, HoldCommitter } from '@holdfast/inventory';
import type { Metrics } from '@holdfast/observability';
import { openDatabase, type Database } from '@holdfast/postgres';
import { openRedis, type RedisClient } from '@holdfast/redis';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { HoldServiceConfig } from './hold-service-config';

const NAME = 'hold-service';

/** What the service is connected to, and the order in which it lets go. */
export class Connections implements OnApplicationShutdown {
  readonly database: Database;
  readonly guard: Guard;
  readonly committer: HoldCommitter;
  private readonly redis: RedisClient;

  constructor(config: HoldServiceConfig, metrics: Metrics) {
    this.database = openDatabase({
      url: config.postgresUrl,
      applicationName: NAME,
      connectionsMax: config.postgresConnectionsMax,
    });
    this.redis = openRedis({ url: config.redisUrl, connectionName: NAME, keyPrefix: config.redisKeyPrefix });
    this.guard = new Guard({ redis: this.redis, metrics });
    this.committer = new HoldCommitter({
      write: (eventId, requests) => hold(this.database, eventId, requests),
      batchMax: config.groupCommitBatchMax,
      queueMax: config.groupCommitQueueMax,
      answerWithinMs: config.groupCommitAnswerWithinMs,
    });
  }

  /** Called when the last request has been answered, so its guard updates are done too. */
  async onApplicationShutdown(): Promise<void> {
    await this.committer.settled();
    this.redis.disconnect();
    await this.database.close();
  }
}
