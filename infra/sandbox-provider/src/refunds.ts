import type { Books, Charge, Refund } from './books';
import { integer, nested, type Form } from './form';
import { chargeOf, intentOf, newId, nowSeconds, type Outcome } from './payment-intents';
import { invalidRequest, noSuch } from './stripe-error';

/** Gives captured money back, in part or in full, never more than was captured. */
export function createRefund(books: Books, form: Form): Outcome {
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
    status: 'succeeded',
  };
  return {
    status: 200,
    body: refund,
    change: {
      refund,
      charge: { ...charge, amount_refunded: charge.amount_refunded + amount, refunded: amount === left },
    },
  };
}

/** @throws Refusal with 404 when there is no such refund */
export function refundOf(books: Books, id: string): Refund {
  const refund = books.refunds.get(id);
  if (!refund) throw noSuch('refund', id);
  return refund;
}

function refundedCharge(books: Books, form: Form): Charge {
  if (form.payment_intent) return chargeOf(books, intentOf(books, form.payment_intent));
  const charge = books.charges.get(form.charge ?? '');
  if (!charge) throw noSuch('charge', form.charge ?? '', 'charge');
  return charge;
}
