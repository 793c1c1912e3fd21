import { openBroker, type Broker } from '@holdfast/broker';
import { SeatsChanged } from '@holdfast/contracts';
import { DatabaseClock, openEngine, type DueOutcome, type ExpiryEngine } from '@holdfast/expiry';
import { expire, forgetKeys, oldestUnpublished } from '@holdfast/inventory';
import { createLogger, currentTraceparent, withTraceparent, type Metrics } from '@holdfast/observability';
import { openDatabase, type Database } from '@holdfast/postgres';
import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundLoop } from './background-loop';
import type { ExpiryWorkerConfig } from './expiry-worker-config';
import { HoldReleaser } from './hold-releaser';
import { LedgerRelay } from './ledger-relay';
import { ReleaseMetrics } from './release-metrics';
import { Sweeper } from './sweeper';

const NAME = 'expiry-worker';

const LAG_EVERY_MS = 1_000;

/** An hour more than callers are promised, so that a key is never forgotten under a repeat that is just in time. */
const KEYS_KEPT_HOURS = 25;
const FORGET_KEYS_EVERY_MS = 10 * 60_000;
const KEYS_PER_PASS_MAX = 1_000;

/**
 * Releases holds at their deadlines: the engine says when to look, Postgres decides, the sweeper finds what the engine
 * missed. Takes the ledger out to the other services, and forgets old idempotency keys.
 */
export class ExpiryWorker implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(NAME);
  private readonly figures: ReleaseMetrics;
  private readonly releaser: HoldReleaser;
  private readonly sweeper: Sweeper;
  private readonly relay: LedgerRelay;
  private readonly engine: ExpiryEngine;
  private readonly housekeeping: BackgroundLoop[];

  private constructor(
    readonly database: Database,
    private readonly broker: Broker,
    private readonly clock: DatabaseClock,
    config: ExpiryWorkerConfig,
    metrics: Metrics,
  ) {
    this.figures = new ReleaseMetrics(metrics);
    this.relay = new LedgerRelay(
      database,
      (message) => broker.send(SeatsChanged, message),
      (entries) => this.figures.published(entries),
      this.logger,
    );
    this.releaser = new HoldReleaser(
      (eventId, holdIds) => expire(database, eventId, holdIds, 'due'),
      (_eventId, outcomes) => {
        this.figures.releasedBy('engine', outcomes);
        this.relay.wake();
      },
    );
    this.sweeper = new Sweeper(
      database,
      (_eventId, outcomes) => {
        this.figures.releasedBy('sweeper', outcomes);
        this.relay.wake();
      },
      this.logger,
    );
    this.engine = openEngine(config.expiryEngine, { broker, brokerUrl: config.rabbitmqUrl, clock });
    this.housekeeping = [
      new BackgroundLoop('ledger lag', () => this.measureLag(), this.logger),
      new BackgroundLoop('old idempotency keys', () => this.forgetOldKeys(), this.logger),
    ];
  }

  /** Connects to its servers, or begins to: it opens also while they are away. */
  static async open(config: ExpiryWorkerConfig, metrics: Metrics): Promise<ExpiryWorker> {
    const database = openDatabase({
      url: config.postgresUrl,
      applicationName: NAME,
      connectionsMax: config.postgresConnectionsMax,
    });
    const broker = openBroker({
      url: config.rabbitmqUrl,
      name: NAME,
      log: createLogger({ service: NAME, level: config.logLevel }),
      trace: { inject: currentTraceparent, run: withTraceparent },
    });
    return new ExpiryWorker(database, broker, await DatabaseClock.open(database), config, metrics);
  }

  /** @throws DelayedExchangeMissing when that engine is set and the broker lacks the plugin */
  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.engine.start((eventId, holdIds) => this.release(eventId, holdIds));
    } catch (error) {
      await this.onApplicationShutdown();
      throw error;
    }
    this.sweeper.start();
    this.relay.start();
    for (const loop of this.housekeeping) loop.start();
  }

  /** No new work, then the releases in flight, then what they wrote goes out, then the connections. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.engine.stop(), this.sweeper.stop(), ...this.housekeeping.map((loop) => loop.stop())]);
    await this.releaser.idle();
    await this.relay.stop();
    await this.broker.close();
    await this.clock.close();
    await this.database.close();
  }

  private async release(eventId: string, holdIds: string[]): Promise<DueOutcome> {
    const outcome = await this.releaser.release(eventId, holdIds);
    this.figures.reportedDue(holdIds.length, outcome);
    return outcome;
  }

  private async measureLag(): Promise<number> {
    this.figures.lag(await oldestUnpublished(this.database), this.clock.now());
    return LAG_EVERY_MS;
  }

  private async forgetOldKeys(): Promise<number> {
    const forgotten = await forgetKeys(this.database, { olderThanHours: KEYS_KEPT_HOURS, limit: KEYS_PER_PASS_MAX });
    return forgotten >= KEYS_PER_PASS_MAX ? 0 : FORGET_KEYS_EVERY_MS;
  }
}
