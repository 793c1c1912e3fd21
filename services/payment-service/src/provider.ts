import {
  BrokenCircuitError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  handleType,
} from 'cockatiel';
import Stripe from 'stripe';
import type { Attempt } from './attempts';

/** What the saga needs to know of a payment intent. */
export interface Intent {
  id: string;
  status: Stripe.PaymentIntent.Status;
  /** Why the last card was declined, or undefined. */
  declined: string | undefined;
  /** What the payer's client needs for 3-D Secure. */
  clientSecret: string | null;
  nextActionUrl: string | null;
}

/** Refused by the provider, which has done nothing; the reason is its decline code or error code. */
export interface ProviderRefusal {
  refused: string;
}

/** The provider gave no answer that says what it did: **the outcome is unknown**, and never a failure. */
export class ProviderSilent extends Error {
  /** @param answered it answered with a fault of its own, which it may repeat for every request under the same key */
  constructor(
    reason: string,
    readonly answered: boolean,
    options?: ErrorOptions,
  ) {
    super(`The payment provider did not say what it did: ${reason}`, options);
    this.name = 'ProviderSilent';
  }
}

export interface ProviderOptions {
  apiUrl: string;
  secretKey: string;
  timeoutMs: number;
  /** Faults in a row after which no call is made for `restMs`. */
  faultsMax: number;
  restMs: number;
}

/** Intents of an attempt are looked for from this much before it began: the two clocks need not agree better. */
const CLOCK_TOLERANCE_SECONDS = 300;
const LIST_PAGE = 100;

/** The payment provider, by Stripe's own client: for Stripe and for the sandbox alike. */
export class Provider {
  private readonly stripe: Stripe;
  private readonly breaker: CircuitBreakerPolicy;

  constructor(options: ProviderOptions) {
    const { protocol, hostname, port } = new URL(options.apiUrl);
    this.stripe = new Stripe(options.secretKey, {
      protocol: protocol === 'https:' ? 'https' : 'http',
      host: hostname,
      port: port || (protocol === 'https:' ? 443 : 80),
      timeout: options.timeoutMs,
      // The saga repeats: it asks what became of a call first, which the client cannot know to do.
      maxNetworkRetries: 0,
      telemetry: false,
    });
    this.breaker = circuitBreaker(handleType(ProviderSilent), {
      halfOpenAfter: options.restMs,
      breaker: new ConsecutiveBreaker(options.faultsMax),
    });
  }

  /** Creates the intent, unconfirmed: no money moves, and its id can be stored before any does. */
  async createIntent(attempt: Attempt): Promise<{ intent: Intent } | ProviderRefusal> {
    return this.change(() =>
      this.stripe.paymentIntents.create(
        {
          amount: attempt.amountMinor ?? 0,
          currency: (attempt.currency ?? '').toLowerCase(),
          capture_method: 'manual',
          payment_method: attempt.paymentMethod,
          metadata: { attemptId: attempt.attemptId, holdId: attempt.holdId, eventId: attempt.eventId },
        },
        keyOf(attempt, 'create'),
      ),
    );
  }

  /** Sets the money aside, unless the card is declined or the payer has to do something first. */
  async confirmIntent(attempt: Attempt): Promise<{ intent: Intent } | ProviderRefusal> {
    return this.change(() => this.stripe.paymentIntents.confirm(idOf(attempt), {}, keyOf(attempt, 'confirm')));
  }

  /** Takes the money that was set aside. */
  async captureIntent(attempt: Attempt): Promise<{ intent: Intent } | ProviderRefusal> {
    return this.change(() => this.stripe.paymentIntents.capture(idOf(attempt), {}, keyOf(attempt, 'capture')));
  }

  /**
   * Gives set-aside money back and closes the intent for good. It has no key: an intent that is cancelled already says so,
   * and a stored fault would only be in the way.
   *
   * @returns the intent as it is now, which is `succeeded` when it was too late; undefined when there is none
   */
  async cancelIntent(attempt: Attempt): Promise<Intent | undefined> {
    const id = attempt.intentId ?? (await this.findIntent(attempt))?.id;
    if (!id) return undefined;
    const answer = await this.change(() => this.stripe.paymentIntents.cancel(id));
    if ('refused' in answer) throw new ProviderSilent(`cancel was refused: ${answer.refused}`, false);
    return answer.intent;
  }

  /** The attempt's intent as it is now. Changes nothing. */
  async readIntent(attempt: Attempt): Promise<Intent> {
    return this.ask(async () => intentOf(await this.stripe.paymentIntents.retrieve(idOf(attempt))));
  }

  /** The attempt's intent, when its id was never stored. */
  async findIntent(attempt: Attempt): Promise<Intent | undefined> {
    const from = Math.floor(attempt.createdAt.getTime() / 1_000) - CLOCK_TOLERANCE_SECONDS;
    return this.ask(async () => {
      const intents = this.stripe.paymentIntents.list({ created: { gte: from }, limit: LIST_PAGE });
      for await (const intent of intents) {
        if (intent.metadata.attemptId === attempt.attemptId) return intentOf(intent);
      }
      return undefined;
    });
  }

  private async change(call: () => Promise<Stripe.PaymentIntent>): Promise<{ intent: Intent } | ProviderRefusal> {
    return this.ask(async () => ({ intent: intentOf(await call()) }), readRefusal);
  }

  private async ask<T>(
    call: () => Promise<T>,
    refusal?: (error: Stripe.errors.StripeError) => T | undefined,
  ): Promise<T> {
    try {
      return await this.breaker.execute(async () => {
        try {
          return await call();
        } catch (error) {
          if (!(error instanceof Stripe.errors.StripeError)) throw error;
          const answer = isSilence(error) ? undefined : refusal?.(error);
          if (answer !== undefined) return answer;
          throw new ProviderSilent(error.message, isOwnFault(error), { cause: error });
        }
      });
    } catch (error) {
      if (error instanceof BrokenCircuitError) throw new ProviderSilent('it has failed too often, resting', false);
      throw error;
    }
  }
}

/** No answer; a fault of its own; one that says nothing of this request (busy, key in use, our secret key refused). */
function isSilence({ statusCode = 0, type }: Stripe.errors.StripeError): boolean {
  return (
    statusCode === 0 ||
    statusCode >= 500 ||
    [401, 403, 409, 429].includes(statusCode) ||
    type === 'StripeIdempotencyError'
  );
}

/** An answer that is stored under its key. Another key is then needed, once a query has shown no effect. */
function isOwnFault({ statusCode = 0, type }: Stripe.errors.StripeError): boolean {
  return statusCode >= 500 || (type === 'StripeIdempotencyError' && statusCode !== 409);
}

function readRefusal(error: Stripe.errors.StripeError): { intent: Intent } | ProviderRefusal {
  // Somebody did it before: an earlier try of ours whose answer was lost. Where it stands now is what counts.
  if (error.code === 'payment_intent_unexpected_state' && error.payment_intent) {
    return { intent: intentOf(error.payment_intent) };
  }
  return { refused: reasonOf(error) };
}

function reasonOf(error: { decline_code?: string; code?: string; param?: string; type?: string }): string {
  if (error.code === 'resource_missing' && error.param === 'payment_method') return 'unknown-payment-method';
  return (error.decline_code ?? error.code ?? error.type ?? 'refused').replaceAll('_', '-');
}

function intentOf(intent: Stripe.PaymentIntent): Intent {
  return {
    id: intent.id,
    status: intent.status,
    declined: intent.last_payment_error ? reasonOf(intent.last_payment_error) : undefined,
    clientSecret: intent.client_secret,
    nextActionUrl: intent.next_action?.redirect_to_url?.url ?? null,
  };
}

function idOf(attempt: Attempt): string {
  if (!attempt.intentId) throw new Error(`Payment attempt ${attempt.attemptId} has no intent`);
  return attempt.intentId;
}

function keyOf(attempt: Attempt, step: string): Stripe.RequestOptions {
  return { idempotencyKey: `${attempt.attemptId}:${step}:${attempt.keyGeneration}` };
}
