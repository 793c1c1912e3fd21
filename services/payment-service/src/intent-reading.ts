import type { Step } from './attempt-lifecycle';
import type { Attempt } from './attempts';
import type { Intent } from './provider';

/** What an intent's status says about the confirmation; undefined when there has been none. */
export function readConfirmed(intent: Intent, attempt: Attempt): Step | undefined {
  if (intent.amountMinor !== attempt.amountMinor || intent.currency !== attempt.currency) {
    return { event: 'amount-differs', facts: { reason: 'amount-differs' } };
  }
  switch (intent.status) {
    case 'requires_confirmation':
      return undefined;
    case 'requires_payment_method':
      // Stripe forgets the method of a declined intent; one that was never tried has no error either.
      return intent.declined ? { event: 'declined', facts: { reason: intent.declined } } : undefined;
    case 'requires_action':
      return { event: 'action-required' };
    case 'requires_capture':
      return { event: 'authorised' };
    case 'canceled':
      return { event: 'cancelled', facts: { reason: 'cancelled-at-provider' } };
    case 'processing':
      return 'wait';
    case 'succeeded':
      return { event: 'charged' };
  }
}

/** What an intent's status says about the capture; undefined when it has had no effect. */
export function readCaptured(intent: Intent): Step | undefined {
  if (intent.status === 'succeeded') return { event: 'captured' };
  if (intent.status === 'canceled') return { event: 'capture-refused', facts: { reason: 'cancelled-at-provider' } };
  return undefined;
}
