/**
 * The test payment methods: Stripe's names where Stripe has one, `pm_sandbox_*` for the faults a real provider shows only
 * when it is not asked to.
 *
 * A fault fires once for an intent and step, so that a caller who asks and repeats properly gets through. It hits the
 * confirm step, or the one named at the end: `pm_sandbox_timeout_after_capture`.
 */
export const STEPS = ['create', 'confirm', 'capture', 'cancel'] as const;
export type Step = (typeof STEPS)[number];

export const FAULTS = ['timeout_before', 'timeout_after', '500_before', '500_after'] as const;
export type Fault = (typeof FAULTS)[number];

export type PaymentMethod =
  | { kind: 'pays' }
  | { kind: 'declines'; declineCode: string }
  | { kind: 'requires-action' }
  | { kind: 'capture-fails' }
  | { kind: 'slow'; step: Step; delayMs: number }
  | { kind: 'faulty'; step: Step; fault: Fault };

const NAMED: Record<string, PaymentMethod> = {
  pm_card_visa: { kind: 'pays' },
  pm_card_mastercard: { kind: 'pays' },
  pm_card_chargeDeclined: { kind: 'declines', declineCode: 'generic_decline' },
  pm_card_chargeDeclinedInsufficientFunds: { kind: 'declines', declineCode: 'insufficient_funds' },
  pm_card_chargeDeclinedLostCard: { kind: 'declines', declineCode: 'lost_card' },
  pm_card_authenticationRequired: { kind: 'requires-action' },
  pm_sandbox_capture_fails: { kind: 'capture-fails' },
};

const SLOW_MAX_MS = 60_000;
const STEP_SUFFIX = `(?:_(${STEPS.join('|')}))?$`;
const SLOW = new RegExp(`^pm_sandbox_slow_(\\d{1,5})${STEP_SUFFIX}`);
const FAULTY = new RegExp(`^pm_sandbox_(${FAULTS.join('|')})${STEP_SUFFIX}`);

/** @returns what the payment method does, or undefined when there is none of that name */
export function paymentMethodOf(name: string): PaymentMethod | undefined {
  const named = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  if (named) return named;
  const slow = SLOW.exec(name);
  if (slow) {
    return { kind: 'slow', step: stepOf(slow[2]), delayMs: Math.min(Number(slow[1]), SLOW_MAX_MS) };
  }
  const faulty = FAULTY.exec(name);
  return faulty ? { kind: 'faulty', step: stepOf(faulty[2]), fault: faulty[1] as Fault } : undefined;
}

function stepOf(suffix: string | undefined): Step {
  return (suffix as Step | undefined) ?? 'confirm';
}
