/**
 * The test payment methods: Stripe's names where Stripe has one, `pm_sandbox_*` for what a real provider shows only when
 * it is not asked to. Everything here is said in docs/sandbox.md, which is generated from these tables.
 */

/** What a card does when nothing goes wrong on the way to it. */
export type CardOutcome =
  | { kind: 'pays' }
  | { kind: 'declines'; declineCode: string }
  | { kind: 'requires-action' }
  /** Cannot set money aside: a confirmation takes it at once. */
  | { kind: 'automatic' }
  | { kind: 'capture-fails' }
  | { kind: 'refund-pending'; end: 'succeeded' | 'failed' }
  /** Says `succeeded` at first, as Stripe's card for it does, and `failed` later. */
  | { kind: 'refund-fails' }
  | { kind: 'refund-refused' };

interface Card {
  outcome: CardOutcome;
  meaning: string;
}

export const CARDS = {
  pm_card_visa: { outcome: { kind: 'pays' }, meaning: 'pays' },
  pm_card_mastercard: { outcome: { kind: 'pays' }, meaning: 'pays' },
  pm_card_chargeDeclined: {
    outcome: { kind: 'declines', declineCode: 'generic_decline' },
    meaning: 'declined',
  },
  pm_card_chargeDeclinedInsufficientFunds: {
    outcome: { kind: 'declines', declineCode: 'insufficient_funds' },
    meaning: 'declined: `insufficient_funds`',
  },
  pm_card_chargeDeclinedLostCard: {
    outcome: { kind: 'declines', declineCode: 'lost_card' },
    meaning: 'declined: `lost_card`',
  },
  pm_card_authenticationRequired: {
    outcome: { kind: 'requires-action' },
    meaning: 'asks for 3-D Secure: a page with two buttons, to pass and to fail',
  },
  pm_card_pendingRefund: {
    outcome: { kind: 'refund-pending', end: 'succeeded' },
    meaning: 'pays; a refund is `pending` at first and succeeds later',
  },
  pm_card_refundFail: {
    outcome: { kind: 'refund-fails' },
    meaning: 'pays; a refund is `succeeded` at first and fails later',
  },
  pm_sandbox_refund_pending_fails: {
    outcome: { kind: 'refund-pending', end: 'failed' },
    meaning: 'pays; a refund is `pending` at first and fails later',
  },
  pm_sandbox_refund_refused: {
    outcome: { kind: 'refund-refused' },
    meaning: 'pays; a refund is refused: `charge_disputed`',
  },
  pm_sandbox_automatic: {
    outcome: { kind: 'automatic' },
    meaning: 'cannot set money aside: the confirmation takes it and answers `succeeded`',
  },
  pm_sandbox_capture_fails: {
    outcome: { kind: 'capture-fails' },
    meaning: 'the capture is refused for good, `charge_expired_for_capture`, and the intent is cancelled by it',
  },
} as const satisfies Record<string, Card>;

/** The calls a fault can hit. */
export const STEPS = ['create', 'confirm', 'capture', 'cancel', 'refund'] as const;
export type Step = (typeof STEPS)[number];

/** Faults on the way to a call. Each fires once for an intent and step, so that a client that asks and repeats as it should gets through. */
export const CALL_FAULTS = {
  timeout_before: 'no answer, and nothing was done',
  timeout_after: 'no answer, but it was done',
  '500_before': 'a 500 that is stored and replayed under the same key; nothing was done',
  '500_after': 'a 500 that is stored and replayed under the same key; but it was done',
  hang: 'no answer, and nothing is done, however often it is asked',
} as const;
export type CallFaultName = keyof typeof CALL_FAULTS;

export type CallFault = { step: Step } & ({ kind: CallFaultName } | { kind: 'slow'; delayMs: number });

/** Faults on the way back, of every webhook of the intent. */
export const WEBHOOK_FAULTS = {
  duplicate: 'every webhook is sent twice',
  late: 'every webhook is sent late (`HOLDFAST_SANDBOX_LATE_MS`)',
  reordered: 'every webhook is sent after the one that follows it',
  lost: 'no webhook is sent',
  forged: 'before every webhook comes one of a stranger, with another amount, signed with another secret',
  wrong_amount: 'every webhook names one minor unit more than the books do, under a good signature',
} as const;
export type WebhookFault = keyof typeof WEBHOOK_FAULTS;

/** What a payment method does: the card's outcome and at most one fault. */
export interface PaymentMethod {
  outcome?: CardOutcome;
  call?: CallFault;
  webhook?: WebhookFault;
}

const SLOW_MAX_MS = 60_000;
const STEP_SUFFIX = `(?:_(${STEPS.join('|')}))?$`;
const SLOW = new RegExp(`^pm_sandbox_slow_(\\d{1,5})${STEP_SUFFIX}`);
const FAULTY = new RegExp(`^pm_sandbox_(${Object.keys(CALL_FAULTS).join('|')})${STEP_SUFFIX}`);
const WEBHOOK = new RegExp(`^pm_sandbox_webhook_(${Object.keys(WEBHOOK_FAULTS).join('|')})$`);

/** @returns what the payment method does, or undefined when there is none of that name */
export function paymentMethodOf(name: string): PaymentMethod | undefined {
  if (Object.hasOwn(CARDS, name)) return { outcome: CARDS[name as keyof typeof CARDS].outcome };
  const slow = SLOW.exec(name);
  if (slow) {
    return { call: { kind: 'slow', step: stepOf(slow[2]), delayMs: Math.min(Number(slow[1]), SLOW_MAX_MS) } };
  }
  const faulty = FAULTY.exec(name);
  if (faulty) return { call: { kind: faulty[1] as CallFaultName, step: stepOf(faulty[2]) } };
  const webhook = WEBHOOK.exec(name);
  return webhook ? { webhook: webhook[1] as WebhookFault } : undefined;
}

/** A fault hits the confirmation unless its name says otherwise: `pm_sandbox_timeout_after_capture`. */
function stepOf(suffix: string | undefined): Step {
  return (suffix as Step | undefined) ?? 'confirm';
}
