import {
  BrokenCircuitError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  handleType,
} from 'cockatiel';
import Stripe from 'stripe';
import { validate as isUuid } from 'uuid';
import type { Attempt } from './attempts';
import type { Refund } from './refunds';

/** What the saga needs to know of a payment intent. */
export interface Intent {
  id: string;
  status: Stripe.PaymentIntent.Status;
  amountMinor: number;
  /** Taken so far. */
  receivedMinor: number;
  /** ISO 4217, upper case. */
  currency: string;
  /** Why the last card was declined, or undefined. */
  declined: string | undefined;
  /** What the payer's client needs for 3-D Secure. */
  clientSecret: string | null;
  nextActionUrl: string | null;
}

/** An intent as reconciliation sees it: whose it says it is. */
export interface ProviderIntent extends Intent {
  system: string | undefined;
  attemptId: string | undefined;
}

/** What needs to be known of a refund. */
export interface ProviderRefund {
  id: string;
  intentId: string | undefined;
  amountMinor: number;
  /** Ours; undefined when it was not made for one. */
  refundId: string | undefined;
  /** Made by reconciliation, of a charge that no attempt has. */
  isOfOrphan: boolean;
  /** `pending`, `requires_action`, `succeeded`, `failed` or `canceled`. */
  status: string;
  failure: string | undefined;
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
  /** Marks our intents, where the account has others too. */
  system: string;
  timeoutMs: number;
  /** Faults in a row after which no call is made for `restMs`. */
  faultsMax: number;
  restMs: number;
}

/** Intents of an attempt are looked for from this much before it began: the two clocks need not agree better. */
const CLOCK_TOLERANCE_SECONDS = 300;
const LIST_PAGE = 100;
/** Intents looked through for one that has no stored id: 20 requests, made after a fault of the provider only. */
const FIND_MAX = 2_000;

/** A code by which the provider gives a reason, for example `insufficient_funds`. */
const CODE = /^\w{1,100}$/;

/** The provider's words for a refusal of what it was asked. Its client takes any answer of status 400 or 404 for one. */
const REFUSALS = new Set<unknown>(['card_error', 'invalid_request_error']);
/** Refused, but not because of what was asked. */
const SAYS_NOTHING = new Set([401, 403, 409, 429]);

const INTENT_STATUSES = new Set<Stripe.PaymentIntent.Status>([
  'canceled',
  'processing',
  'requires_action',
  'requires_capture',
  'requires_confirmation',
  'requires_payment_method',
  'succeeded',
]);

/** An answer, unlike silence: there is no such thing. */
const MISSING = Symbol('missing');

/** The payment provider, by Stripe's own client: for Stripe and for the sandbox alike. */
export class Provider {
  private readonly stripe: Stripe;
  private readonly breaker: CircuitBreakerPolicy;

  constructor(private readonly options: ProviderOptions) {
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
          metadata: {
            system: this.options.system,
            attemptId: attempt.attemptId,
            holdId: attempt.holdId,
            eventId: attempt.eventId,
          },
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
   * @returns the intent as it is now, which is `succeeded` when it was too late
   */
  async cancelIntent(attempt: Pick<Attempt, 'attemptId' | 'intentId'>): Promise<Intent> {
    const answer = await this.change(() => this.stripe.paymentIntents.cancel(idOf(attempt)));
    if ('refused' in answer) throw new ProviderSilent(`cancel was refused: ${answer.refused}`, false);
    return answer.intent;
  }

  /** The attempt's intent as it is now. Changes nothing. */
  async readIntent(attempt: Attempt): Promise<Intent> {
    return this.ask(async () => intentOf(await this.stripe.paymentIntents.retrieve(idOf(attempt))));
  }

  /**
   * The attempt's intent, when its id was never stored and its key is spent. Looks through the newest intents since the
   * attempt began, so many pages at most: one that is not found could take no money, because nobody knows its id to
   * confirm it, and reconciliation cancels it.
   */
  async findIntent(attempt: Attempt): Promise<Intent | undefined> {
    const from = Math.floor(attempt.createdAt.getTime() / 1_000) - CLOCK_TOLERANCE_SECONDS;
    return this.ask(async () => {
      const intents = this.stripe.paymentIntents.list({ created: { gte: from }, limit: LIST_PAGE });
      let looked = 0;
      for await (const intent of intents) {
        if (intent.metadata.attemptId === attempt.attemptId) return intentOf(intent);
        if ((looked += 1) === FIND_MAX) return undefined;
      }
      return undefined;
    });
  }

  /** Gives money of a captured intent back. */
  async createRefund(refund: Refund): Promise<ProviderRefund | ProviderRefusal> {
    const { eventId, attemptId, refundId, intentId, amountMinor, keyGeneration } = refund;
    const asked = { payment_intent: intentId ?? '', amount: amountMinor, metadata: { eventId, attemptId, refundId } };
    return this.refund(asked, `${refundId}:refund:${keyGeneration}`);
  }

  /** A refund as it is now. */
  async readRefund({ refundId, providerRefundId }: Refund): Promise<ProviderRefund> {
    if (!providerRefundId) throw new Error(`Refund ${refundId} is not known to the provider`);
    return this.ask(async () => refundOf(await this.stripe.refunds.retrieve(providerRefundId)));
  }

  /** A refund whose id was never stored and whose key is spent. An intent has no more refunds than seats. */
  async findRefund({ refundId, intentId }: Refund): Promise<ProviderRefund | undefined> {
    return this.ask(async () => {
      for await (const refund of this.stripe.refunds.list({ payment_intent: intentId ?? '', limit: LIST_PAGE })) {
        if (refund.metadata?.refundId === refundId) return refundOf(refund);
      }
      return undefined;
    });
  }

  /** All intents created between two times, newest first, page by page. */
  async *intentsBetween(from: Date, to: Date): AsyncGenerator<ProviderIntent[]> {
    const pages = this.pagesBetween(from, to, (query) => this.stripe.paymentIntents.list(query));
    for await (const page of pages) yield page.map(listedIntentOf);
  }

  /** All refunds created between two times, newest first, page by page. */
  async *refundsBetween(from: Date, to: Date): AsyncGenerator<ProviderRefund[]> {
    const pages = this.pagesBetween(from, to, (query) => this.stripe.refunds.list(query));
    for await (const page of pages) yield page.map(refundOf);
  }

  /** @returns undefined when the provider has none of that id */
  async lookUpIntent(id: string): Promise<ProviderIntent | undefined> {
    return this.lookUp(async () => listedIntentOf(await this.stripe.paymentIntents.retrieve(id)));
  }

  /** @returns undefined when the provider has none of that id */
  async lookUpRefund(id: string): Promise<ProviderRefund | undefined> {
    return this.lookUp(async () => refundOf(await this.stripe.refunds.retrieve(id)));
  }

  /** Gives all that is left of a charge back which no attempt has a seat for. Refused: `charge-already-refunded`, ... */
  async refundOrphan(intentId: string): Promise<ProviderRefund | ProviderRefusal> {
    const orphan = { payment_intent: intentId, metadata: { orphan: 'true' } };
    return this.refund(orphan, `${intentId}:orphan`);
  }

  private async refund(
    asked: Stripe.RefundCreateParams,
    idempotencyKey: string,
  ): Promise<ProviderRefund | ProviderRefusal> {
    return this.ask<ProviderRefund | ProviderRefusal>(
      async () => refundOf(await this.stripe.refunds.create(asked, { idempotencyKey })),
      (error) => ({ refused: reasonOf(error) }),
    );
  }

  private async *pagesBetween<T extends { id: string }>(
    from: Date,
    to: Date,
    list: (query: Stripe.PaymentIntentListParams) => Promise<Stripe.ApiList<T>>,
  ): AsyncGenerator<T[]> {
    const created = { gte: Math.floor(from.getTime() / 1_000), lte: Math.ceil(to.getTime() / 1_000) };
    let last: string | undefined;
    for (;;) {
      const query = { created, limit: LIST_PAGE, ...(last && { starting_after: last }) };
      const page = await this.ask(async () => listOf(await list(query)));
      yield page.data;
      last = page.data.at(-1)?.id;
      if (!page.has_more || !last) return;
    }
  }

  private async lookUp<T>(call: () => Promise<T>): Promise<T | undefined> {
    return this.ask<T | undefined | typeof MISSING>(call, (error) =>
      error.code === 'resource_missing' ? MISSING : undefined,
    ).then((answer) => (answer === MISSING ? undefined : (answer as T)));
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
          // Its client stumbles over an answer that is no object.
          if (error instanceof TypeError) throw unreadable(error);
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

/**
 * All but a refusal in the provider's own words: no answer; a fault of its own; one that says nothing of this request (busy,
 * key in use, our secret key refused); one that somebody else gave for it, as a proxy does.
 */
function isSilence({ statusCode = 0, rawType }: Stripe.errors.StripeError): boolean {
  return statusCode < 400 || statusCode >= 500 || SAYS_NOTHING.has(statusCode) || !REFUSALS.has(rawType);
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
  return codeOf(error.decline_code) ?? codeOf(error.code) ?? codeOf(error.type) ?? 'refused';
}

/** One of the provider's codes as we write it; undefined for what is none: not all text can be stored or shown. */
function codeOf(value: unknown): string | undefined {
  return typeof value === 'string' && CODE.test(value) ? value.replaceAll('_', '-') : undefined;
}

/** @throws ProviderSilent for what is no intent, or one in a state that we do not know: nothing may be concluded from it */
function intentOf(intent: Stripe.PaymentIntent): Intent {
  const { id, status, amount, amount_received: received, currency } = intent;
  const isIntent = isText(id) && INTENT_STATUSES.has(status) && isAmount(amount) && isAmount(received);
  if (!isIntent || !isText(currency)) throw unreadable(intent);
  return {
    id: intent.id,
    status: intent.status,
    amountMinor: intent.amount,
    receivedMinor: intent.amount_received,
    currency: intent.currency.toUpperCase(),
    declined: intent.last_payment_error ? reasonOf(intent.last_payment_error) : undefined,
    clientSecret: intent.client_secret,
    nextActionUrl: intent.next_action?.redirect_to_url?.url ?? null,
  };
}

function listedIntentOf(intent: Stripe.PaymentIntent): ProviderIntent {
  const { system, attemptId } = intent.metadata;
  return { ...intentOf(intent), system, attemptId: isUuid(attemptId) ? attemptId : undefined };
}

/** @throws ProviderSilent for what is no refund */
function refundOf(answer: Stripe.Refund): ProviderRefund {
  const { id, status, amount, metadata, ...refund } = answer;
  if (!isText(id) || !isAmount(amount) || !(status === null || isText(status))) throw unreadable(answer);
  const intent = refund.payment_intent;
  const refundId = metadata?.refundId;
  return {
    id,
    intentId: typeof intent === 'string' ? intent : intent?.id,
    amountMinor: amount,
    refundId: isUuid(refundId) ? refundId : undefined,
    isOfOrphan: metadata?.orphan === 'true',
    status: status ?? 'pending',
    failure: codeOf(refund.failure_reason),
  };
}

/** @throws ProviderSilent for what is no list: an empty one would say that there is nothing */
function listOf<T>(answer: Stripe.ApiList<T>): Stripe.ApiList<T> {
  if (!Array.isArray(answer.data)) throw unreadable(answer);
  return answer;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0;
}

function isAmount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Not said to be answered: under the same key the true answer may still come. */
function unreadable(cause: unknown): ProviderSilent {
  return new ProviderSilent('its answer cannot be read', false, { cause });
}

function idOf(attempt: Pick<Attempt, 'attemptId' | 'intentId'>): string {
  if (!attempt.intentId) throw new Error(`Payment attempt ${attempt.attemptId} has no intent`);
  return attempt.intentId;
}

function keyOf(attempt: Attempt, step: string): Stripe.RequestOptions {
  return { idempotencyKey: `${attempt.attemptId}:${step}:${attempt.keyGeneration}` };
}
