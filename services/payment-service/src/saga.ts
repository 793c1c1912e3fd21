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
import { Payments } from './payments';
import { Provider } from './provider';
import { Reconciliation } from './reconciliation';
import type { RefundWorld } from './refund-lifecycle';
import { Refunds } from './refunds';
import { Webhooks } from './webhooks';

const NAME = 'payment-service';

/** Apart from reconciliation, which ends early while the provider is away: breaks are an alarm. */
const COUNT_BREAKS_EVERY_MS = 5_000;

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
  private readonly counting: BackgroundLoop;
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
    const moves = metrics.counter('payment_moves', 'Payment attempts that came to a state.', ['state']);
    const refundMoves = metrics.counter('refund_moves', 'Refunds that came to a state.', ['state']);
    const world: World & RefundWorld = {
      attempts: new Attempts(this.database, config),
      refunds: new Refunds(this.database, config),
      holds: brokerHoldCommands(this.broker, config.commandTimeoutMs),
      provider: providerOf(config),
      crashPoint: onCrashPoint,
      onMoved: (_from, _event, state) => moves.inc({ state }),
      onRefundMoved: (_from, _event, state) => refundMoves.inc({ state }),
    };
    const onFault = (error: unknown, what: string) => this.report(error, what);
    this.payments = new Payments(world, { answerMs: config.answerMs, inHandMax: config.inHandMax, onFault });
    const unfinished = [unfinishedAttempts(world), unfinishedRefunds(world)];
    this.completer = new Completer(unfinished, { everyMs: config.completerMs, onFault, logger: this.logger });
    const received = metrics.counter(
      'provider_webhooks_received',
      'Webhooks of the payment provider, by what was made of them.',
      ['verdict'],
    );
    const inbox = new Inbox(this.database);
    const reconciliation = new Reconciliation(this.database, world.provider, world, inbox, {
      everyMs: config.reconcileEveryMs,
      settleMs: config.reconcileSettleMs,
      system: config.systemName,
    });
    const breaks = metrics.gauge('payment_breaks_open', 'Breaks that nobody has resolved.', ['kind']);
    const count = async () => {
      const counts = await countOpenBreaks(this.database);
      // Between these two nobody can read: a scrape never finds the breaks gone for a moment.
      breaks.reset();
      for (const { kind, open } of counts) breaks.set({ kind }, open);
      return COUNT_BREAKS_EVERY_MS;
    };
    this.reconciling = new BackgroundLoop('reconciliation', () => reconciliation.pass(), this.logger);
    this.counting = new BackgroundLoop('count of breaks', count, this.logger);
    this.webhooks = new Webhooks(inbox, {
      secrets: config.stripeWebhookSecrets,
      toleranceMs: config.stripeWebhookToleranceMs,
      crashPoint: onCrashPoint,
      onHint: (verdict) => {
        if (verdict === 'doubtful') this.reconciling.wake();
        this.completer.wake();
      },
      onReceived: (verdict) => received.inc({ verdict }),
      onMalformed: (faults) => {
        const where = faults.map(({ path, message }) => `${path}: ${message}`).join(', ');
        this.logger.warn(`a webhook that is signed but cannot be right: ${where}`);
      },
    });
  }

  onApplicationBootstrap(): void {
    this.completer.start();
    this.reconciling.start();
    this.counting.start();
  }

  /** Called when the last request has been answered. What is not ended by then is taken up after the next start. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.completer.stop(), this.reconciling.stop(), this.counting.stop(), this.payments.settle()]);
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
