import { BrokerUnavailable, declareOnce, type Broker, type Exchange } from '@holdfast/broker';
import { DUE_KEY, DUE_QUEUE, dueTopology, timerEnvelope, timerMessage } from '../due-queue';
import { EngineUnavailable } from '../engine-unavailable';
import type { Timer, TimerTransport } from '../timer';

/** The plugin's exchange has a name of its own: what is published to it must never pass through another exchange. */
const DELAYED_EXCHANGE: Exchange = {
  name: 'holdfast.timers.delayed',
  type: 'x-delayed-message',
  // `topic` routes nothing under Khepri.
  arguments: { 'x-delayed-type': 'direct' },
};

/** The message comes this much early, and the worker's own timer does the rest exactly. */
const EARLY_MS = 250;

/** The broker has no exchange type `x-delayed-message`. */
export class DelayedExchangeMissing extends EngineUnavailable {
  constructor(options?: ErrorOptions) {
    super(
      'RabbitMQ has no exchange type x-delayed-message: its plugin rabbitmq_delayed_message_exchange is not enabled. ' +
        'Enable it, or set HOLDFAST_EXPIRY_ENGINE=parking, which needs no plugin.',
      options,
    );
  }
}

/**
 * Delays timers in the exchange of RabbitMQ's delayed-message plugin, one publish for the whole wait.
 * See docs/decisions/008-delayed-exchange.md.
 */
export class DelayedTimers implements TimerTransport {
  private declared: Promise<void> | undefined;

  /** @param url of the broker, for the throw-away connection that asks for the plugin */
  constructor(
    private readonly broker: Broker,
    private readonly url: string,
  ) {}

  async prepare(): Promise<void> {
    await this.broker.declare(dueTopology);
    try {
      await this.declareExchange();
    } catch (error) {
      // A broker that is away cannot be asked: `send` asks before its first message.
      if (!(error instanceof BrokerUnavailable)) throw error;
    }
  }

  async send(timer: Timer, remainingMs: number): Promise<void> {
    await this.declareExchange();
    const delayMs = Math.max(0, Math.round(remainingMs) - EARLY_MS);
    await this.broker.publish(
      {
        ...timerEnvelope(DUE_KEY),
        exchange: DELAYED_EXCHANGE.name,
        headers: { 'x-delay': delayMs },
        // The plugin returns every delayed message as unroutable, so this cannot be asked of it.
        mandatory: false,
      },
      timerMessage(timer),
    );
  }

  private async declareExchange(): Promise<void> {
    this.declared ??= requireDelayedExchange(this.url).then(() =>
      this.broker.declare({
        exchanges: [DELAYED_EXCHANGE],
        bindings: [{ exchange: DELAYED_EXCHANGE.name, queue: DUE_QUEUE, routingKey: DUE_KEY }],
      }),
    );
    try {
      await this.declared;
    } catch (error) {
      this.declared = undefined;
      throw error;
    }
  }
}

/**
 * Asks the broker for the exchange type, on a connection of its own: where the type is unknown, asking closes the connection
 * (up to RabbitMQ 3.13.2, with 503; later versions close the channel, with 406).
 *
 * @throws DelayedExchangeMissing when it is not there
 * @throws BrokerUnavailable when the broker cannot be asked
 */
async function requireDelayedExchange(url: string): Promise<void> {
  try {
    await declareOnce(url, { exchanges: [DELAYED_EXCHANGE] });
  } catch (error) {
    if (/x-delayed-message|COMMAND_INVALID|PRECONDITION_FAILED/.test(String(error))) {
      throw new DelayedExchangeMissing({ cause: error });
    }
    throw new BrokerUnavailable(String(error), false, { cause: error });
  }
}
