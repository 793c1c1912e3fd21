import { BackgroundLoop } from '@holdfast/background';
import type { Metrics } from '@holdfast/observability';
import { openDatabase, type Database } from '@holdfast/postgres';
import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Courier } from './courier';
import { readFigures, type Turn } from './deliveries';
import { DeliveryMetrics } from './delivery-metrics';
import { Destinations } from './destination';
import { forgetEndpointKeys } from './endpoints';
import type { MasterKeys } from './signing';
import type { WebhookConfig } from './webhook-config';

const NAME = 'webhook-service';
const HOUR_MS = 3_600_000;

const FIGURES_EVERY_MS = 5_000;
/** An hour more than callers are promised, so that a key is never forgotten under a repeat that is just in time. */
const KEYS_KEPT_HOURS = 25;
const FORGET_KEYS_EVERY_MS = 10 * 60_000;

/** What webhook-service is connected to and runs in the background, and the order in which it lets go. */
export class Webhooks implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly database: Database;
  readonly destinations: Destinations;
  readonly keys: MasterKeys;
  readonly secretOverlapHours: number;
  readonly courier: Courier;
  private readonly figures: DeliveryMetrics;
  private readonly logger = new Logger(NAME);
  private readonly housekeeping: BackgroundLoop[];

  constructor(config: WebhookConfig, metrics: Metrics) {
    this.database = openDatabase({
      url: config.postgresUrl,
      applicationName: NAME,
      connectionsMax: config.postgresConnectionsMax,
    });
    this.destinations = new Destinations(config.webhookAllowedNetworks);
    this.keys = { current: config.webhookKey, previous: config.webhookPreviousKey };
    this.secretOverlapHours = config.webhookSecretOverlapHours;
    this.figures = new DeliveryMetrics(metrics);
    this.courier = new Courier(
      this.database,
      this.destinations,
      this.keys,
      {
        deliveriesMax: config.webhookDeliveriesMax,
        deliveriesPerOrganiserMax: config.webhookDeliveriesPerOrganiserMax,
        pollMs: config.webhookPollMs,
        timeoutMs: config.webhookTimeoutMs,
        disableAfterMs: config.webhookDisableAfterHours * HOUR_MS,
      },
      {
        attempted: (attempt) => this.figures.attempted(attempt),
        onFault: (error, turn) => this.report(error, turn),
      },
      this.logger,
    );
    this.housekeeping = [
      new BackgroundLoop('webhook figures', () => this.measure(), this.logger),
      new BackgroundLoop('old idempotency keys', () => this.forgetOldKeys(), this.logger),
    ];
  }

  onApplicationBootstrap(): void {
    this.courier.start();
    for (const loop of this.housekeeping) loop.start();
  }

  /** Called when the last request has been answered. Deliveries in hand are seen through, within their time limit. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.courier.stop(), ...this.housekeeping.map((loop) => loop.stop())]);
    await this.database.close();
  }

  private async measure(): Promise<number> {
    this.figures.stand(await readFigures(this.database, this.courier.organisersFull()));
    return FIGURES_EVERY_MS;
  }

  private async forgetOldKeys(): Promise<number> {
    await forgetEndpointKeys(this.database, KEYS_KEPT_HOURS);
    return FORGET_KEYS_EVERY_MS;
  }

  private report(error: unknown, turn: Turn): void {
    const stack = error instanceof Error ? error.stack : undefined;
    this.logger.error(`delivering to endpoint ${turn.endpointId}: ${String(error)}`, stack);
  }
}
