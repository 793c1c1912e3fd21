import type { Books, Change, Refund } from './books';
import { eventsOf, intentIdOf, type StripeEvent } from './events';
import { endRefund, laterEnd } from './refunds';
import type { Script, Scripts, Subject } from './script';
import type { Webhooks } from './webhooks';

const NO_REQUEST: StripeEvent['request'] = { id: null, idempotency_key: null };

/** Writes changes into the books, tells the receiver of webhooks, and brings refunds to their later end. */
export class Bookkeeper {
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    readonly books: Books,
    readonly scripts: Scripts,
    private readonly webhooks: Webhooks,
    private readonly refundMs: number,
  ) {}

  /** Takes up what an earlier process left: webhooks that were not delivered, refunds that were pending. */
  resume(): void {
    this.webhooks.resume();
    for (const refund of this.books.refunds.values()) this.endLater(refund);
  }

  /** The change and its events are one line of the journal; webhooks follow it. */
  record(change: Change, request: StripeEvent['request'] = NO_REQUEST): void {
    const events = eventsOf(this.books, change, request);
    this.books.record({ ...change, events });
    for (const event of events) this.webhooks.send(event, this.scriptOfIntent(intentIdOf(event)).webhook);
    if (change.refund) this.endLater(change.refund);
  }

  scriptOfIntent(id: string | undefined): Script {
    const intent: Subject | undefined = this.books.intents.get(id ?? '');
    return this.scripts.of(intent ?? { id, payment_method: null, metadata: {} });
  }

  close(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }

  private endLater(refund: Refund): void {
    const outcome = this.scriptOfIntent(refund.payment_intent).outcome;
    if (!laterEnd(refund, outcome)) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.end(refund.id);
    }, this.refundMs);
    this.timers.add(timer);
  }

  /** Brings a refund to the end its card has for it, if it has one still before it. */
  end(refundId: string): Refund | undefined {
    const refund = this.books.refunds.get(refundId);
    const status = refund && laterEnd(refund, this.scriptOfIntent(refund.payment_intent).outcome);
    if (refund && status) this.record(endRefund(this.books, refund, status).change);
    return this.books.refunds.get(refundId);
  }
}
