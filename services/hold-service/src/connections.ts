import { ack, onMessage, openBroker, type Broker } from '@holdfast/broker';
import { freesSeat, SeatsFreed } from '@holdfast/contracts';
import { DatabaseClock, openScheduler, type ExpiryEngineName, type ExpiryScheduler } from '@holdfast/expiry';
import { Guard, TakenMap } from '@holdfast/guard';
import { findReplays, hold, HoldCommitter, KeyLookups } from '@holdfast/inventory';
import { createLogger, currentTraceparent, withTraceparent, type Metrics } from '@holdfast/observability';
import { openDatabase, type Database } from '@holdfast/postgres';
import { openRedis, openRedisSubscriber, type RedisClient } from '@holdfast/redis';
import type { OnApplicationShutdown } from '@nestjs/common';
import { EventImports } from './event-imports';
import type { HoldServiceConfig } from './hold-service-config';

const NAME = 'hold-service';
/** Messages about changed seats that may wait unacknowledged; handling one takes microseconds. */
const CHANGES_AT_ONCE = 100;

interface Parts {
  database: Database;
  clock: DatabaseClock;
  redis: RedisClient;
  taken: TakenMap;
  guard: Guard;
  broker: Broker;
  scheduler: ExpiryScheduler;
  committer: HoldCommitter;
  lookups: KeyLookups;
  imports: EventImports;
}

/** What the service is connected to, and the order in which it lets go. Opens also while the servers are away. */
export class Connections implements OnApplicationShutdown {
  private constructor(private readonly parts: Parts) {}

  /** @throws EngineUnavailable when the engine that is set cannot work with these servers */
  static async open(config: HoldServiceConfig, metrics: Metrics): Promise<Connections> {
    const database = openDatabase({
      url: config.postgresUrl,
      applicationName: NAME,
      connectionsMax: config.postgresConnectionsMax,
    });
    const redisOptions = { url: config.redisUrl, connectionName: NAME, keyPrefix: config.redisKeyPrefix };
    const redis = openRedis(redisOptions);
    const log = createLogger({ service: NAME, level: config.logLevel });
    const broker = openBroker({
      url: config.rabbitmqUrl,
      name: NAME,
      log,
      trace: { inject: currentTraceparent, run: withTraceparent },
    });
    const clock = await DatabaseClock.open(database);
    const [engine] = config.expiryEngines;
    const scheduler = await openScheduler(engine, {
      clock,
      rabbitmq: { broker, url: config.rabbitmqUrl },
      redis: {
        commands: redis,
        openSubscriber: () => openRedisSubscriber(redisOptions),
        keyPrefix: config.redisKeyPrefix,
      },
      sqs: { endpoint: config.sqsEndpoint, region: config.sqsRegion, queue: config.sqsQueue },
      log,
    });
    countTimers(metrics, engine, scheduler);
    const committer = new HoldCommitter({
      write: (eventId, requests) => hold(database, eventId, requests),
      onCommitted: (eventId, held) =>
        scheduler.schedule(held.map(({ hold: { holdId, deadline } }) => ({ eventId, holdId, deadline }))),
      log,
      batchMax: config.groupCommitBatchMax,
      queueMax: config.groupCommitQueueMax,
      answerWithinMs: config.groupCommitAnswerWithinMs,
    });
    const taken = new TakenMap({ metrics, staleMaxMs: config.takenMapMs });
    if (taken.isOn) await forgetWhatChanged(taken, broker);
    return new Connections({
      database,
      clock,
      redis,
      taken,
      guard: new Guard({ redis, metrics, taken, log }),
      broker,
      scheduler,
      committer,
      lookups: new KeyLookups(
        (eventId, requests) => findReplays(database, eventId, requests),
        config.groupCommitAnswerWithinMs,
      ),
      imports: new EventImports({ postgresUrl: config.postgresUrl }),
    });
  }

  get database(): Database {
    return this.parts.database;
  }

  get guard(): Guard {
    return this.parts.guard;
  }

  /** What takes a hold, in the order in which it is asked. */
  get holdPath(): Pick<Parts, 'taken' | 'guard' | 'committer' | 'lookups'> {
    return this.parts;
  }

  get imports(): EventImports {
    return this.parts.imports;
  }

  get broker(): Broker {
    return this.parts.broker;
  }

  /** Called when the last request and command have been answered. A confirmation lost now is a claim that runs out. */
  async onApplicationShutdown(): Promise<void> {
    const { committer, scheduler, broker, redis, clock, database, imports } = this.parts;
    await imports.close();
    await committer.settled();
    await scheduler.close();
    await broker.close();
    redis.disconnect();
    await clock.close();
    await database.close();
  }
}

function countTimers(metrics: Metrics, engine: ExpiryEngineName, { counts }: ExpiryScheduler): void {
  const counted = (noun: string, help: string, read: () => number) =>
    metrics.counted(noun, help, 'engine', () => [[engine, read()]]);
  counted('timers_scheduled', 'Holds given to the expiry engine to be released.', () => counts.scheduled);
  counted('timers_handed_over', "Holds whose timer the engine's transport has confirmed.", () => counts.handedOver);
  counted(
    'timers_dropped',
    'Holds whose timer was given up because the transport was away: left to the sweeper.',
    () => counts.dropped,
  );
}

/**
 * Another process freed a seat: this one's map lets go of it at once, not only after its bound. In a queue of this process
 * alone, since every process has a map; what is lost while RabbitMQ is away ends by the bound.
 */
async function forgetWhatChanged(taken: TakenMap, broker: Broker): Promise<void> {
  const route = onMessage(SeatsFreed, ({ eventId, entries }) => {
    taken.forget(
      eventId,
      entries.filter(freesSeat).map(({ seatId }) => seatId),
    );
    return Promise.resolve(ack);
  });
  await broker.subscribe({ queue: `${NAME}.taken-map`, prefetch: CHANGES_AT_ONCE, exclusive: true }, [route]);
}
