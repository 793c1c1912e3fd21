import type { Books, Charge, Refund } from './books';
import { integer, nested, type Form } from './form';
import { newId, nowSeconds } from './ids';
import { chargeOf, intentOf, type Outcome } from './payment-intents';
import type { CardOutcome } from './payment-methods';
import { invalidRequest, noSuch } from './stripe-error';

/** Why the bank of the scripted cards sends a refund back. */
const FAILURE_REASON = 'lost_or_stolen_card';

/**
 * Gives captured money back, in part or in full, never more than was captured. What is pending counts as given back.
 *
 * @param outcome what the card does
 */
export function createRefund(books: Books, form: Form, outcome: CardOutcome): Outcome {
  const charge = refundedCharge(books, form);
  const left = charge.amount_captured - charge.amount_refunded;
  if (!charge.captured) throw invalidRequest(`Charge ${charge.id} has not been captured.`, 'charge_not_captured');
  if (left === 0) throw invalidRequest(`Charge ${charge.id} has already been refunded.`, 'charge_already_refunded');
  const amount = form.amount ? integer(form, 'amount', 1) : left;
  if (amount > left) {
    throw invalidRequest(
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left}).`,
      undefined,
      'amount',
    );
  }
  if (outcome.kind === 'refund-refused') {
    throw invalidRequest(`Charge ${charge.id} has been disputed and cannot be refunded.`, 'charge_disputed');
  }
  const refund: Refund = {
    id: newId('re'),
    object: 'refund',
    amount,
    charge: charge.id,
    created: nowSeconds(),
    currency: charge.currency,
    metadata: nested(form, 'metadata'),
    payment_intent: charge.payment_intent,
    reason: form.reason ?? null,
    status: outcome.kind === 'refund-pending' ? 'pending' : 'succeeded',
  };
  return { status: 200, body: refund, change: { refund, charge: withRefunded(charge, amount) } };
}

/** What becomes of a refund later, by its card; undefined when it has come to its end. */
export function laterEnd(refund: Refund, outcome: CardOutcome): Refund['status'] | undefined {
  if (outcome.kind === 'refund-pending') return refund.status === 'pending' ? outcome.end : undefined;
  return outcome.kind === 'refund-fails' && refund.status === 'succeeded' ? 'failed' : undefined;
}

/** Brings a refund to that end; money of one that fails is the seller's again. */
export function endRefund(books: Books, refund: Refund, status: Refund['status']): Outcome {
  const ended: Refund = { ...refund, status };
  if (status !== 'failed') return { status: 200, body: ended, change: { refund: ended } };
  ended.failure_reason = FAILURE_REASON;
  const charge = books.charges.get(refund.charge);
  if (!charge) throw noSuch('charge', refund.charge, 'charge');
  return { status: 200, body: ended, change: { refund: ended, charge: withRefunded(charge, -refund.amount) } };
}

/** @throws Refusal with 404 when there is no such refund */
export function refundOf(books: Books, id: string): Refund {
  const refund = books.refunds.get(id);
  if (!refund) throw noSuch('refund', id);
  return refund;
}

function withRefunded(charge: Charge, amount: number): Charge {
  const refunded = charge.amount_refunded + amount;
  return { ...charge, amount_refunded: refunded, refunded: refunded === charge.amount_captured };
}

function refundedCharge(books: Books, form: Form): Charge {
  if (form.payment_intent) return chargeOf(books, intentOf(books, form.payment_intent));
  const charge = books.charges.get(form.charge ?? '');
  if (!charge) throw noSuch('charge', form.charge ?? '', 'charge');
  return charge;
}
