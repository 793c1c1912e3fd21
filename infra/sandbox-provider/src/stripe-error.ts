import type { Intent } from './books';

/** Stripe's error object. */
export interface StripeError {
  type: 'card_error' | 'invalid_request_error' | 'idempotency_error' | 'api_error';
  message: string;
  code?: string;
  decline_code?: string;
  param?: string;
  payment_intent?: Intent;
}

/** A request that is answered with an error, and with nothing changed unless the operation says so. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly error: StripeError,
  ) {
    super(error.message);
  }
}

export function invalidRequest(message: string, code?: string, param?: string): Refusal {
  return new Refusal(400, { type: 'invalid_request_error', message, code, param });
}

export function noSuch(what: string, id: string, param?: string): Refusal {
  const status = param ? 400 : 404;
  return new Refusal(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${what}: '${id}'`,
    param: param ?? 'id',
  });
}

export function unexpectedState(intent: Intent, verb: string): Refusal {
  return new Refusal(400, {
    type: 'invalid_request_error',
    code: 'payment_intent_unexpected_state',
    message: `This PaymentIntent could not be ${verb} because it has a status of ${intent.status}.`,
    payment_intent: intent,
  });
}

/** What Stripe says when it fails itself. It is stored and replayed under the same key like any other answer. */
export const INTERNAL_ERROR: StripeError = { type: 'api_error', message: 'An unknown error occurred (sandbox fault).' };
