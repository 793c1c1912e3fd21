import { BackgroundLoop } from '@holdfast/background';
import { openBroker, type Broker } from '@holdfast/broker';
import { createLogger, currentTraceparent, withTraceparent, type Metrics } from '@holdfast/observability';
import { openDatabase, type Database } from '@holdfast/postgres';
import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type World } from './attempt-lifecycle';
import { Attempts } from './attempts';
import { countOpenBreaks } from './breaks';
import { Completer, unfinishedAttempts, unfinishedRefunds } from './completer';
import type { OnCrashPoint } from './crash-points';
import { brokerHoldCommands } from './hold-commands';
import { Inbox } from './inbox';
import type { PaymentConfig } from './payment-config';
import { PaymentMetrics } from './payment-metrics';
import { Payments } from './payments';
import { Provider } from './provider';
import { Reconciliation } from './reconciliation';
import type { RefundWorld } from './refund-lifecycle';
import { Refunds } from './refunds';
import { Webhooks } from './webhooks';

const NAME = 'payment-service';

/** Apart from reconciliation, which ends early while the provider is away: alarms rest on these. */
const FIGURES_EVERY_MS = 5_000;

/** What a drill may hang on to. */
export interface PaymentServiceHooks {
  onCrashPoint?: OnCrashPoint;
}

/** Everything that drives payments, what it is connected to, and the order in which it lets go. */
export class Saga implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly database: Database;
  readonly payments: Payments;
  readonly webhooks: Webhooks;
  private readonly broker: Broker;
  private readonly completer: Completer;
  private readonly reconciling: BackgroundLoop;
  private readonly measuring: BackgroundLoop;
  private readonly logger = new Logger(NAME);

  constructor(config: PaymentConfig, metrics: Metrics, { onCrashPoint = () => undefined }: PaymentServiceHooks) {
    this.database = openDatabase({
      url: config.postgresUrl,
      applicationName: NAME,
      connectionsMax: config.postgresConnectionsMax,
    });
    this.broker = openBroker({
      url: config.rabbitmqUrl,
      name: NAME,
      log: createLogger({ service: NAME, level: config.logLevel }),
      trace: { inject: currentTraceparent, run: withTraceparent },
    });
    const figures = new PaymentMetrics(metrics);
    const world: World & RefundWorld = {
      attempts: new Attempts(this.database, config),
      refunds: new Refunds(this.database, config),
      holds: brokerHoldCommands(this.broker, config.commandTimeoutMs),
      provider: providerOf(config),
      crashPoint: onCrashPoint,
      onMoved: (_from, _event, state) => figures.moved(state),
      onRefundMoved: (_from, _event, state) => figures.refundMoved(state),
    };
    const onFault = (error: unknown, what: string) => this.report(error, what);
    this.payments = new Payments(world, { answerMs: config.answerMs, inHandMax: config.inHandMax, onFault });
    const unfinished = [unfinishedAttempts(world), unfinishedRefunds(world)];
    this.completer = new Completer(unfinished, { everyMs: config.completerMs, onFault, logger: this.logger });
    const inbox = new Inbox(this.database);
    const reconciliation = new Reconciliation(this.database, world.provider, world, inbox, {
      everyMs: config.reconcileEveryMs,
      settleMs: config.reconcileSettleMs,
      system: config.systemName,
    });
    const measure = async () => {
      const [breaks, attempts, refunds] = await Promise.all([
        countOpenBreaks(this.database),
        world.attempts.oldestUnfinished(),
        world.refunds.oldestUnfinished(),
      ]);
      figures.stand({ breaks, attempts, refunds });
      return FIGURES_EVERY_MS;
    };
    this.reconciling = new BackgroundLoop('reconciliation', () => reconciliation.pass(), this.logger);
    this.measuring = new BackgroundLoop('payment figures', measure, this.logger);
    this.webhooks = new Webhooks(inbox, {
      secrets: config.stripeWebhookSecrets,
      toleranceMs: config.stripeWebhookToleranceMs,
      crashPoint: onCrashPoint,
      onHint: (verdict) => {
        if (verdict === 'doubtful') this.reconciling.wake();
        this.completer.wake();
      },
      onReceived: (verdict) => figures.webhookReceived(verdict),
      onMalformed: (faults) => {
        const where = faults.map(({ path, message }) => `${path}: ${message}`).join(', ');
        this.logger.warn(`a webhook that is signed but cannot be right: ${where}`);
      },
    });
  }

  onApplicationBootstrap(): void {
    this.completer.start();
    this.reconciling.start();
    this.measuring.start();
  }

  /** Called when the last request has been answered. What is not ended by then is taken up after the next start. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.completer.stop(), this.reconciling.stop(), this.measuring.stop(), this.payments.settle()]);
    await this.broker.close();
    await this.database.close();
  }

  private report(error: unknown, what: string): void {
    const stack = error instanceof Error ? error.stack : undefined;
    this.logger.error(`${what}: ${String(error)}`, stack);
  }
}

function providerOf(config: PaymentConfig): Provider {
  return new Provider({
    apiUrl: config.stripeApiUrl,
    secretKey: config.stripeSecretKey,
    system: config.systemName,
    timeoutMs: config.stripeTimeoutMs,
    faultsMax: config.stripeFaultsMax,
    restMs: config.stripeRestMs,
  });
}
