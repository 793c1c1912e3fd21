import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import Stripe from 'stripe';
import type { Books } from './books';
import { intentIdOf, type StripeEvent } from './events';
import type { WebhookFault } from './payment-methods';

export interface WebhookOptions {
  /** Where they are sent; empty: nowhere. */
  url: string;
  secret: string;
  /** Wait after the first answer that was not 2xx; it doubles with every further one. */
  retryMs: number;
  /** How late a webhook is that is scripted to be. */
  lateMs: number;
}

/** One try to deliver an event, as it went. */
export interface Delivery {
  event: string;
  type: string;
  intent: string | undefined;
  /** What was wrong with it, on purpose. */
  fault: 'forged' | 'wrong_amount' | null;
  /** The receiver's answer; null when there was none. */
  status: number | null;
}

/** Stripe tries for three days; here an hour or so is long enough to tell that nobody listens. */
const TRIES_MAX = 16;
const RETRY_MAX_MS = 5 * 60_000;
const ANSWER_MAX_MS = 10_000;
const DELIVERIES_KEPT_MAX = 10_000;
/** What a forged or a wrong webhook adds to the amount. */
const WRONG_BY_MINOR = 1;

/**
 * Webhooks as Stripe sends them: one event each, signed over its very bytes, sent again with growing waits until somebody
 * answers 2xx. Their order is not promised. What was not delivered when the process ended is sent after its next start.
 */
export class Webhooks {
  readonly deliveries: Delivery[] = [];
  private readonly stopped = new AbortController();
  private readonly underWay = new Set<Promise<void>>();
  /** Events held back until the next one of their intent has been sent. */
  private readonly heldBack = new Map<string, (first: Promise<void>) => void>();

  constructor(
    private readonly books: Books,
    private readonly options: WebhookOptions,
  ) {
    // Every webhook under way listens for the end.
    setMaxListeners(0, this.stopped.signal);
  }

  /** Sends what an earlier process could not. */
  resume(): void {
    for (const event of this.books.undelivered.values()) this.send(event, undefined);
  }

  /** @param fault what is scripted for the webhooks of this event's intent */
  send(event: StripeEvent, fault: WebhookFault | undefined): void {
    if (!this.options.url || fault === 'lost') return this.books.record({ delivered: event.id });
    const sending = this.sendScripted(event, fault).catch((error: unknown) => {
      if (!this.stopped.signal.aborted) throw error;
    });
    this.underWay.add(sending);
    void sending.finally(() => this.underWay.delete(sending));
  }

  /** Sends nothing any more. */
  async close(): Promise<void> {
    this.stopped.abort();
    await Promise.all(this.underWay);
  }

  private async sendScripted(event: StripeEvent, fault: Exclude<WebhookFault, 'lost'> | undefined): Promise<void> {
    switch (fault) {
      case 'late':
        await this.wait(this.options.lateMs);
        return this.deliver(event);
      case 'duplicate':
        return void (await Promise.all([this.deliver(event), this.deliver(event)]));
      case 'forged':
        await this.post(withWrongAmount(event), randomSecret(), 'forged');
        return this.deliver(event);
      case 'wrong_amount':
        return this.deliver(withWrongAmount(event), 'wrong_amount');
      case 'reordered':
        return this.deliverReordered(event);
      case undefined:
        return this.deliver(event);
    }
  }

  /** Waits for the next event of the same intent to be sent first, but not for ever: the last one has no next. */
  private async deliverReordered(event: StripeEvent): Promise<void> {
    const intent = intentIdOf(event) ?? '';
    const releaseEarlier = this.heldBack.get(intent);
    if (releaseEarlier) {
      this.heldBack.delete(intent);
      const delivered = this.deliver(event);
      releaseEarlier(delivered);
      return delivered;
    }
    const next = new Promise<Promise<void>>((resolve) => this.heldBack.set(intent, (first) => resolve(first)));
    await Promise.race([next.then((delivered) => delivered), this.wait(this.options.lateMs)]);
    return this.deliver(event);
  }

  private async deliver(event: StripeEvent, fault: Delivery['fault'] = null): Promise<void> {
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      const status = await this.post(event, this.options.secret, fault);
      if (status !== null && status >= 200 && status < 300) break;
      await this.wait(Math.min(this.options.retryMs * 2 ** (tries - 1), RETRY_MAX_MS));
    }
    if (this.books.undelivered.has(event.id)) this.books.record({ delivered: event.id });
  }

  /** @returns the answer's status, or null when there was none */
  private async post(event: StripeEvent, secret: string, fault: Delivery['fault']): Promise<number | null> {
    const payload = JSON.stringify(event);
    const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret });
    const status = await fetch(this.options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature },
      body: payload,
      redirect: 'manual',
      signal: AbortSignal.any([this.stopped.signal, AbortSignal.timeout(ANSWER_MAX_MS)]),
    }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => null,
    );
    this.deliveries.push({ event: event.id, type: event.type, intent: intentIdOf(event), fault, status });
    if (this.deliveries.length > DELIVERIES_KEPT_MAX) this.deliveries.shift();
    return status;
  }

  /** @throws AbortError when the sandbox closes meanwhile */
  private wait(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.stopped.signal });
  }
}

function withWrongAmount(event: StripeEvent): StripeEvent {
  const object = { ...event.data.object } as Record<string, unknown>;
  for (const name of ['amount', 'amount_received', 'amount_capturable', 'amount_captured']) {
    if (typeof object[name] === 'number') object[name] += WRONG_BY_MINOR;
  }
  return { ...event, data: { object } };
}

function randomSecret(): string {
  return `whsec_${randomBytes(16).toString('hex')}`;
}
