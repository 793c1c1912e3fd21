import { randomBytes } from 'node:crypto';
import type { Books, Change, Charge, Intent } from './books';
import { integer, nested, type Form } from './form';
import { newId, nowSeconds } from './ids';
import { paymentMethodOf, type CardOutcome } from './payment-methods';
import { invalidRequest, noSuch, unexpectedState, type StripeError } from './stripe-error';

/** What an operation answers and what it writes into the books. An error with a change is a refusal that leaves a trace. */
export interface Outcome {
  status: number;
  body: unknown;
  change: Change;
}

const CAPTURABLE_STATES = new Set(['requires_capture']);
const CONFIRMABLE_STATES = new Set(['requires_payment_method', 'requires_confirmation']);
const CLOSED_STATES = new Set(['succeeded', 'canceled']);

export function createIntent(form: Form): Outcome {
  const captureMethod = form.capture_method ?? 'automatic';
  if (captureMethod !== 'manual' && captureMethod !== 'automatic') {
    throw invalidRequest(`Invalid capture_method: ${captureMethod}.`, 'parameter_unknown', 'capture_method');
  }
  if (form.confirm === 'true') throw invalidRequest('The sandbox confirms separately.', 'parameter_unknown', 'confirm');
  if (!/^[a-z]{3}$/.test(form.currency ?? '')) {
    throw invalidRequest(`Invalid currency: ${form.currency ?? ''}.`, 'parameter_missing', 'currency');
  }
  if (form.payment_method) requireMethod(form.payment_method);
  const id = newId('pi');
  const intent: Intent = {
    id,
    object: 'payment_intent',
    amount: integer(form, 'amount', 1),
    amount_capturable: 0,
    amount_received: 0,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: captureMethod,
    client_secret: `${id}_secret_${randomBytes(12).toString('hex')}`,
    created: nowSeconds(),
    currency: form.currency as string,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    metadata: nested(form, 'metadata'),
    next_action: null,
    payment_method: form.payment_method ?? null,
    status: form.payment_method ? 'requires_confirmation' : 'requires_payment_method',
  };
  return { status: 200, body: intent, change: { intent } };
}

/**
 * @param outcome what the card does
 * @param authenticateUrl where the payer completes 3-D Secure, should the card ask for it
 */
export function confirmIntent(
  books: Books,
  id: string,
  form: Form,
  outcome: CardOutcome,
  authenticateUrl: string,
): Outcome {
  const intent = intentOf(books, id);
  if (!CONFIRMABLE_STATES.has(intent.status)) throw unexpectedState(intent, 'confirmed');
  const name = form.payment_method ?? intent.payment_method;
  if (!name) {
    throw invalidRequest(
      'You cannot confirm this PaymentIntent because it is missing a payment method.',
      'parameter_missing',
    );
  }
  requireMethod(name);
  const chosen = { ...intent, payment_method: name };
  if (outcome.kind === 'declines') return decline(chosen, outcome.declineCode);
  if (outcome.kind === 'requires-action') {
    const asking: Intent = {
      ...chosen,
      status: 'requires_action',
      next_action: { type: 'redirect_to_url', redirect_to_url: { url: authenticateUrl, return_url: null } },
    };
    return { status: 200, body: asking, change: { intent: asking } };
  }
  return outcome.kind === 'automatic' ? charge(chosen) : authorise(chosen);
}

/** The payer's answer to 3-D Secure. A sandbox-only operation: with Stripe the payer gives it to Stripe's own page. */
export function authenticateIntent(books: Books, id: string, form: Form): Outcome {
  const intent = intentOf(books, id);
  if (intent.status !== 'requires_action') throw unexpectedState(intent, 'authenticated');
  if (form.outcome === 'succeeded') return authorise({ ...intent, next_action: null });
  const failed: Intent = {
    ...intent,
    status: 'requires_payment_method',
    next_action: null,
    last_payment_error: {
      type: 'card_error',
      code: 'payment_intent_authentication_failure',
      message: 'The provided PaymentMethod has failed authentication.',
    },
  };
  return { status: 200, body: failed, change: { intent: failed } };
}

/** @param outcome what the card does */
export function captureIntent(books: Books, id: string, form: Form, outcome: CardOutcome): Outcome {
  const intent = intentOf(books, id);
  if (!CAPTURABLE_STATES.has(intent.status)) throw unexpectedState(intent, 'captured');
  const amount = form.amount_to_capture ? integer(form, 'amount_to_capture', 1) : intent.amount_capturable;
  if (amount > intent.amount_capturable) {
    throw invalidRequest(
      'The amount to capture is greater than the amount authorized.',
      'amount_too_large',
      'amount_to_capture',
    );
  }
  if (outcome.kind === 'capture-fails') return expireAuthorisation(intent);
  return capture(intent, chargeOf(books, intent), amount);
}

export function cancelIntent(books: Books, id: string, form: Form): Outcome {
  const intent = intentOf(books, id);
  if (CLOSED_STATES.has(intent.status)) throw unexpectedState(intent, 'canceled');
  const canceled = closed(intent, form.cancellation_reason ?? null);
  return { status: 200, body: canceled, change: { intent: canceled } };
}

/** @throws Refusal with 404 when there is no such intent */
export function intentOf(books: Books, id: string): Intent {
  const intent = books.intents.get(id);
  if (!intent) throw noSuch('payment_intent', id);
  return intent;
}

export function chargeOf(books: Books, intent: Intent): Charge {
  const charge = books.charges.get(intent.latest_charge ?? '');
  if (!charge) throw unexpectedState(intent, 'charged');
  return charge;
}

function requireMethod(name: string): void {
  if (!paymentMethodOf(name)) throw noSuch('PaymentMethod', name, 'payment_method');
}

/** Sets the money aside; an intent that is captured automatically takes it. */
function authorise(intent: Intent): Outcome {
  const charge = newCharge(intent);
  const authorised: Intent = {
    ...intent,
    status: 'requires_capture',
    amount_capturable: intent.amount,
    latest_charge: charge.id,
    last_payment_error: null,
  };
  if (intent.capture_method === 'automatic') return capture(authorised, charge, intent.amount);
  return { status: 200, body: authorised, change: { intent: authorised, charge } };
}

/** Takes the money at once, whatever the intent asked for. */
function charge(intent: Intent): Outcome {
  const taken = newCharge(intent);
  return capture({ ...intent, latest_charge: taken.id, last_payment_error: null }, taken, intent.amount);
}

function capture(intent: Intent, charge: Charge, amount: number): Outcome {
  const captured: Intent = { ...intent, status: 'succeeded', amount_capturable: 0, amount_received: amount };
  return {
    status: 200,
    body: captured,
    change: { intent: captured, charge: { ...charge, captured: true, amount_captured: amount } },
  };
}

function newCharge(intent: Intent): Charge {
  return {
    id: newId('ch'),
    object: 'charge',
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    captured: false,
    created: nowSeconds(),
    currency: intent.currency,
    metadata: intent.metadata,
    payment_intent: intent.id,
    refunded: false,
    status: 'succeeded',
  };
}

function decline(intent: Intent, declineCode: string): Outcome {
  const error: StripeError = {
    type: 'card_error',
    code: 'card_declined',
    decline_code: declineCode,
    message: 'Your card was declined.',
  };
  const declined: Intent = { ...intent, status: 'requires_payment_method', last_payment_error: error };
  return {
    status: 402,
    body: { error: { ...error, payment_intent: declined } },
    change: { intent: declined },
  };
}

/** The bank gave the authorisation up before it was captured: refused for good, and the intent is closed by it. */
function expireAuthorisation(intent: Intent): Outcome {
  const canceled = closed(intent, 'automatic');
  const error: StripeError = {
    type: 'invalid_request_error',
    code: 'charge_expired_for_capture',
    message: 'The charge cannot be captured as the authorization has expired.',
    payment_intent: canceled,
  };
  return { status: 400, body: { error }, change: { intent: canceled } };
}

function closed(intent: Intent, reason: string | null): Intent {
  return {
    ...intent,
    status: 'canceled',
    amount_capturable: 0,
    next_action: null,
    canceled_at: nowSeconds(),
    cancellation_reason: reason,
  };
}
