import { openBroker, type Broker } from '@holdfast/broker';
import { createLogger, currentTraceparent, withTraceparent, type Metrics } from '@holdfast/observability';
import { openDatabase, type Database } from '@holdfast/postgres';
import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type World } from './attempt-lifecycle';
import { Attempts, type Attempt } from './attempts';
import { Completer } from './completer';
import type { OnCrashPoint } from './crash-points';
import { brokerHoldCommands } from './hold-commands';
import type { PaymentConfig } from './payment-config';
import { Payments } from './payments';
import { Provider } from './provider';

const NAME = 'payment-service';

/** What a drill may hang on to. */
export interface PaymentServiceHooks {
  onCrashPoint?: OnCrashPoint;
}

/** Everything that drives payments, what it is connected to, and the order in which it lets go. */
export class Saga implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly database: Database;
  readonly payments: Payments;
  private readonly broker: Broker;
  private readonly completer: Completer;
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
    const world: World = {
      attempts: new Attempts(this.database, config),
      holds: brokerHoldCommands(this.broker, config.commandTimeoutMs),
      provider: new Provider({
        apiUrl: config.stripeApiUrl,
        secretKey: config.stripeSecretKey,
        timeoutMs: config.stripeTimeoutMs,
        faultsMax: config.stripeFaultsMax,
        restMs: config.stripeRestMs,
      }),
      crashPoint: onCrashPoint,
      onMoved: (_from, _event, state) => moves.inc({ state }),
    };
    const onFault = (error: unknown, attempt: Attempt | undefined) => this.report(error, attempt);
    this.payments = new Payments(world, { answerMs: config.answerMs, onFault });
    this.completer = new Completer(world, { everyMs: config.completerMs, onFault });
  }

  onApplicationBootstrap(): void {
    this.completer.start();
  }

  /** Called when the last request has been answered. What is not ended by then is taken up after the next start. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.completer.stop(), this.payments.settle()]);
    await this.broker.close();
    await this.database.close();
  }

  private report(error: unknown, attempt: Attempt | undefined): void {
    const where = attempt ? `payment ${attempt.attemptId} in ${attempt.state}` : 'looking for unfinished payments';
    this.logger.error(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
