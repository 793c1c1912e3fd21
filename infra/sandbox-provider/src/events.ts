import Stripe from 'stripe';
import type { Books, Change, Intent } from './books';
import { newId, nowSeconds } from './ids';

/** What a webhook carries: Stripe's event object. */
export interface StripeEvent {
  id: string;
  object: 'event';
  api_version: string;
  created: number;
  data: { object: object };
  livemode: false;
  pending_webhooks: number;
  request: { id: string | null; idempotency_key: string | null };
  type: string;
}

/** The event of an intent that came to a status; one that waits for a card has nothing to say unless the card failed. */
const INTENT_EVENTS: Record<Intent['status'], string | undefined> = {
  requires_confirmation: undefined,
  requires_payment_method: 'payment_intent.payment_failed',
  requires_action: 'payment_intent.requires_action',
  requires_capture: 'payment_intent.amount_capturable_updated',
  succeeded: 'payment_intent.succeeded',
  canceled: 'payment_intent.canceled',
};

/** The events of a change, in the order in which Stripe makes them, by comparison with the books before it. */
export function eventsOf(
  books: Books,
  { intent, charge, refund }: Change,
  request: StripeEvent['request'],
): StripeEvent[] {
  const events: StripeEvent[] = [];
  const add = (type: string, object: object) => events.push(eventOf(type, object, request));
  if (charge) {
    const before = books.charges.get(charge.id);
    if (!before) add('charge.succeeded', charge);
    if (before && charge.captured && !before.captured) add('charge.captured', charge);
    if (before && charge.amount_refunded > before.amount_refunded) add('charge.refunded', charge);
  }
  if (refund) {
    const before = books.refunds.get(refund.id);
    add(before ? 'refund.updated' : 'refund.created', refund);
    if (before && refund.status === 'failed') add('refund.failed', refund);
  }
  if (intent) {
    const before = books.intents.get(intent.id);
    if (!before) add('payment_intent.created', intent);
    else if (before.status !== intent.status || before.last_payment_error !== intent.last_payment_error) {
      const type = INTENT_EVENTS[intent.status];
      if (type) add(type, intent);
    }
  }
  return events;
}

function eventOf(type: string, object: object, request: StripeEvent['request']): StripeEvent {
  return {
    id: newId('evt'),
    object: 'event',
    api_version: Stripe.API_VERSION,
    created: nowSeconds(),
    // As it is now: what happens to it later is another event.
    data: { object: structuredClone(object) },
    livemode: false,
    pending_webhooks: 1,
    request,
    type,
  };
}

/** The intent an event is about, whatever kind of object it carries. */
export function intentIdOf({ data }: StripeEvent): string | undefined {
  const object = data.object as { object: string; id: string; payment_intent?: string };
  return object.object === 'payment_intent' ? object.id : object.payment_intent;
}
