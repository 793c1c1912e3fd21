import { BackgroundLoop } from '@holdfast/background';
import { openBroker, type Broker } from '@holdfast/broker';
import { SeatsChanged } from '@holdfast/contracts';
import { DatabaseClock } from '@holdfast/expiry';
import { expire, forgetKeys, oldestUnpublished } from '@holdfast/inventory';
import { createLogger, currentTraceparent, withTraceparent, type Metrics } from '@holdfast/observability';
import { openDatabase, type Database } from '@holdfast/postgres';
import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { connectEngines, type EngineConnections } from './engine-connections';
import type { ExpiryWorkerConfig } from './expiry-worker-config';
import { LedgerRelay } from './ledger-relay';
import { PromptPath } from './prompt-path';
import { ReleaseMetrics } from './release-metrics';
import { Sweeper } from './sweeper';

const NAME = 'expiry-worker';

const LAG_EVERY_MS = 1_000;
const DEAD_LETTERS_EVERY_MS = 5_000;
/** At a start RabbitMQ is just being connected to, which is no failure yet. */
const BROKER_READY_MS = 1_000;

/** Every release is news, but looking for them eighty times a second costs the releases their CPU. */
const RELAY_WOKEN_EVERY_MS = 25;

/** An hour more than callers are promised, so that a key is never forgotten under a repeat that is just in time. */
const KEYS_KEPT_HOURS = 25;
const FORGET_KEYS_EVERY_MS = 10 * 60_000;
const KEYS_PER_PASS_MAX = 1_000;

/**
 * Releases holds at their deadlines: an engine says when to look, Postgres decides, the sweeper finds what the engine
 * missed. Takes the ledger out to the other services, and forgets old idempotency keys.
 */
export class ExpiryWorker implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(NAME);
  private readonly figures: ReleaseMetrics;
  private readonly promptPath: PromptPath;
  /** None under the engine `sweep`, which is the sweeper at an interval of its own. */
  private readonly sweeper: Sweeper | undefined;
  private readonly relay: LedgerRelay;
  private readonly housekeeping: BackgroundLoop[];
  private relayWokenAt = -Infinity;

  private constructor(
    readonly database: Database,
    private readonly broker: Broker,
    private readonly clock: DatabaseClock,
    private readonly engineConnections: EngineConnections,
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
    const released = () => this.wakeRelay();
    const engines = config.expiryEngines;
    this.promptPath = new PromptPath(
      engines,
      engineConnections.parts,
      (eventId, holdIds) => expire(database, eventId, holdIds, 'due'),
      this.figures,
      released,
    );
    if (!engines.includes('sweep')) {
      this.sweeper = new Sweeper(
        database,
        (eventId, holdId) => this.promptPath.has(eventId, holdId),
        (_eventId, outcomes) => {
          this.figures.releasedBySweeper(engines[0], outcomes);
          released();
        },
        this.logger,
      );
    }
    this.housekeeping = [
      new BackgroundLoop('ledger lag', () => this.measureLag(), this.logger),
      new BackgroundLoop('count of dead letters', () => this.countDeadLetters(), this.logger),
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
    const log = createLogger({ service: NAME, level: config.logLevel });
    const broker = openBroker({
      url: config.rabbitmqUrl,
      name: NAME,
      log,
      trace: { inject: currentTraceparent, run: withTraceparent },
    });
    const clock = await DatabaseClock.open(database);
    const engineConnections = connectEngines(config, { database, broker, clock, log });
    return new ExpiryWorker(database, broker, clock, engineConnections, config, metrics);
  }

  /** @throws EngineUnavailable when an engine that is set cannot work with these servers */
  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.promptPath.start();
    } catch (error) {
      await this.onApplicationShutdown();
      throw error;
    }
    this.sweeper?.start();
    this.relay.start();
    for (const loop of this.housekeeping) loop.start();
  }

  /** No new work, then the releases in flight, then what they wrote goes out, then the connections. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.promptPath.stop(), this.sweeper?.stop(), ...this.housekeeping.map((loop) => loop.stop())]);
    await this.relay.stop();
    await this.broker.close();
    this.engineConnections.close();
    await this.clock.close();
    await this.database.close();
  }

  /** What is not woken for is found by the relay's own poll, which is frequent while there is news. */
  private wakeRelay(): void {
    const now = performance.now();
    if (now - this.relayWokenAt < RELAY_WOKEN_EVERY_MS) return;
    this.relayWokenAt = now;
    this.relay.wake();
  }

  private async measureLag(): Promise<number> {
    this.figures.lag(await oldestUnpublished(this.database), this.clock.now());
    return LAG_EVERY_MS;
  }

  /** While RabbitMQ is away the last count stands. */
  private async countDeadLetters(): Promise<number> {
    await this.broker.whenReady(BROKER_READY_MS);
    this.figures.givenUp(await this.broker.countDeadLetters());
    return DEAD_LETTERS_EVERY_MS;
  }

  private async forgetOldKeys(): Promise<number> {
    const forgotten = await forgetKeys(this.database, { olderThanHours: KEYS_KEPT_HOURS, limit: KEYS_PER_PASS_MAX });
    return forgotten >= KEYS_PER_PASS_MAX ? 0 : FORGET_KEYS_EVERY_MS;
  }
}
