import type { CrashPoint } from '@holdfast/payment-service';
import type { LatePolicy } from './drill-event';

/** What happens elsewhere when an attempt comes to a point: to the hold, or at the provider. */
export interface Happening {
  point: CrashPoint;
  /** At the first time it comes there, or a later one. Default 1. */
  time?: number;
  what: Deed;
}

export type Deed =
  | 'run-out'
  | 'expire'
  | 'take-over'
  | 'authenticate'
  | 'fail-authentication'
  | 'refund'
  | 'refund-one-seat'
  | 'unbook-elsewhere';

/** What the provider does to a payment, by the card that pays it. */
export interface Scenario {
  /** A payment method of the sandbox provider: docs/sandbox.md. */
  card: string;
  /** How the attempt ends when its hold lives; anything, so long as the books agree, when the hold does not. */
  ends: string;
  happenings?: Happening[];
  /** Somebody else asks to pay the hold. */
  stranger?: boolean;
  /** How a refund ends that is asked for once the payment is captured. */
  refundEnds?: 'refunded' | 'failed' | 'refused';
}

const refunds = (what: 'refund' | 'refund-one-seat' = 'refund'): Happening[] => [{ point: 'captured:committed', what }];

const STEPS = ['create', 'confirm', 'capture', 'cancel'] as const;
const CALL_FAULTS = ['timeout_before', 'timeout_after', '500_before', '500_after'] as const;
const WEBHOOK_FAULTS = ['duplicate', 'late', 'reordered', 'lost', 'forged', 'wrong_amount'] as const;

const callFaults = STEPS.flatMap((step) =>
  CALL_FAULTS.map((fault): [string, Scenario] => [
    `${step}: ${fault}`,
    { card: `pm_sandbox_${fault}_${step}`, ends: 'captured' },
  ]),
);

const webhookFaults = WEBHOOK_FAULTS.map((fault): [string, Scenario] => [
  `webhook: ${fault}`,
  { card: `pm_sandbox_webhook_${fault}`, ends: 'captured' },
]);

const refundFaults = CALL_FAULTS.map((fault): [string, Scenario] => [
  `refund: ${fault}`,
  { card: `pm_sandbox_${fault}_refund`, ends: 'captured', happenings: refunds(), refundEnds: 'refunded' },
]);

/**
 * A confirmation that never gets an answer is given up at the deadline; that comes when it has been asked a second time. A
 * creation is not given up: until the provider says which intent there is, nobody can cancel it.
 */
const hang: [string, Scenario] = [
  'confirm: hang',
  {
    card: 'pm_sandbox_hang',
    ends: 'voided',
    happenings: [{ point: 'unconfirmed:confirm-intent:before', time: 2, what: 'run-out' }],
  },
];

const asked = 'requires-action:committed';

/** Every fault of the provider, by name. */
export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map<string, Scenario>([
  ['no fault', { card: 'pm_card_visa', ends: 'captured' }],
  ['declined', { card: 'pm_card_chargeDeclined', ends: 'declined' }],
  ['insufficient funds', { card: 'pm_card_chargeDeclinedInsufficientFunds', ends: 'declined' }],
  ['unknown payment method', { card: 'pm_none', ends: 'declined' }],
  [
    '3-D Secure passed',
    {
      card: 'pm_card_authenticationRequired',
      ends: 'captured',
      happenings: [{ point: asked, what: 'authenticate' }],
    },
  ],
  [
    '3-D Secure failed',
    {
      card: 'pm_card_authenticationRequired',
      ends: 'declined',
      happenings: [{ point: asked, what: 'fail-authentication' }],
    },
  ],
  [
    '3-D Secure abandoned',
    { card: 'pm_card_authenticationRequired', ends: 'voided', happenings: [{ point: asked, what: 'run-out' }] },
  ],
  ['charged at once', { card: 'pm_sandbox_automatic', ends: 'captured' }],
  ['capture refused', { card: 'pm_sandbox_capture_fails', ends: 'capture-failed' }],
  ['confirm: answers after the time-out', { card: 'pm_sandbox_slow_600', ends: 'captured' }],
  ...callFaults,
  hang,
  ...webhookFaults,
  ['refund', { card: 'pm_card_visa', ends: 'captured', happenings: refunds(), refundEnds: 'refunded' }],
  [
    'refund of one seat',
    { card: 'pm_card_visa', ends: 'captured', happenings: refunds('refund-one-seat'), refundEnds: 'refunded' },
  ],
  [
    'refund pending',
    { card: 'pm_card_pendingRefund', ends: 'captured', happenings: refunds(), refundEnds: 'refunded' },
  ],
  [
    'refund pending, then failed',
    { card: 'pm_sandbox_refund_pending_fails', ends: 'captured', happenings: refunds(), refundEnds: 'failed' },
  ],
  [
    'refund refused by the provider',
    { card: 'pm_sandbox_refund_refused', ends: 'captured', happenings: refunds(), refundEnds: 'failed' },
  ],
  [
    'refund of seats that are gone',
    {
      card: 'pm_card_visa',
      ends: 'captured',
      happenings: [...refunds(), { point: 'refund:started:committed', what: 'unbook-elsewhere' }],
      refundEnds: 'refused',
    },
  ],
  ...refundFaults,
  ["a stranger's payment", { card: 'pm_card_visa', ends: 'refused', stranger: true }],
]);

/** What becomes of the hold, and when. */
export interface Fate {
  what: 'nothing' | 'expire' | 'take-over';
  /** While the process is down, or at a point though nothing crashes there. */
  when: 'while-down' | CrashPoint;
  /** What the event does with late payers. Default `void`. */
  policy?: LatePolicy;
}

export const FATES: ReadonlyMap<string, Fate> = new Map<string, Fate>([
  ['hold alive', { what: 'nothing', when: 'while-down' }],
  ['hold expired while down', { what: 'expire', when: 'while-down' }],
  ['hold taken over while down', { what: 'take-over', when: 'while-down' }],
  ['hold expired before the intent', { what: 'expire', when: 'begun:create-intent:before' }],
  ['hold expired before the confirmation', { what: 'expire', when: 'unconfirmed:committed' }],
  ['hold expired before the fence', { what: 'expire', when: 'authorised:committed' }],
  ['hold taken over before the fence', { what: 'take-over', when: 'authorised:committed' }],
  ['hold expired after the charge', { what: 'expire', when: 'charged:committed' }],
  ['late, seats free', { what: 'expire', when: 'authorised:committed', policy: 'same-seats-if-free' }],
  ['late, seats taken over', { what: 'take-over', when: 'authorised:committed', policy: 'same-seats-if-free' }],
  [
    'late, seats taken over before the new hold',
    { what: 'take-over', when: 'late:committed', policy: 'same-seats-if-free' },
  ],
]);

/** One combination: a fault of the provider, a fate of the hold, and where the process dies. */
export interface Combination {
  fault: string;
  fate: string;
  crashAt: CrashPoint | undefined;
}
