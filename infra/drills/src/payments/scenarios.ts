import { CRASH_POINTS, type CrashPoint } from '@holdfast/payment-service';
import type { DrillEvent, Held } from './drill-event';

/**
 * The points that a payment of this drill comes to. Its event voids late payments and its buyers give no seat back, so that
 * an end says who won; the specs of payment-service crash at the points of late bookings and refunds.
 */
export const DRILLED_POINTS: readonly CrashPoint[] = CRASH_POINTS.filter((point) => !/^(late|refund):/.test(point));

/** What happens elsewhere when an attempt comes to a point: to the hold, or at the provider. */
export interface Happening {
  point: CrashPoint;
  /** At the first time it comes there, or a later one. Default 1. */
  time?: number;
  what: 'run-out' | 'expire' | 'take-over' | 'authenticate' | 'fail-authentication';
}

/** What the provider does to a payment, by the card that pays it. */
export interface Scenario {
  /** A payment method of the sandbox provider: docs/sandbox.md. */
  card: string;
  /** How the attempt ends when its hold lives; anything, so long as the books agree, when the hold does not. */
  ends: string;
  happenings?: Happening[];
  /** Somebody else asks to pay the hold. */
  stranger?: boolean;
}

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

/** A provider that never answers is given up at the deadline; that comes when it has been asked a second time. */
const hangs = (
  [
    ['create', 'begun:create-intent:before'],
    ['confirm', 'unconfirmed:confirm-intent:before'],
  ] as const
).map(([step, point]): [string, Scenario] => [
  `${step}: hang`,
  { card: `pm_sandbox_hang_${step}`, ends: 'voided', happenings: [{ point, time: 2, what: 'run-out' }] },
]);

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
  [
    'charged at once, too late',
    {
      card: 'pm_sandbox_automatic',
      ends: 'returned',
      happenings: [{ point: 'charged:committed', what: 'run-out' }],
    },
  ],
  ['capture refused', { card: 'pm_sandbox_capture_fails', ends: 'capture-failed' }],
  ['confirm: answers after the time-out', { card: 'pm_sandbox_slow_600', ends: 'captured' }],
  ...callFaults,
  ...hangs,
  [
    'create: time-out at the deadline',
    {
      card: 'pm_sandbox_timeout_before_create',
      ends: 'voided',
      happenings: [{ point: 'begun:create-intent:before', what: 'run-out' }],
    },
  ],
  ...webhookFaults,
  ["a stranger's payment", { card: 'pm_card_visa', ends: 'refused', stranger: true }],
]);

/** What becomes of the hold, and when. */
export interface Fate {
  what: 'nothing' | 'expire' | 'take-over';
  /** While the process is down, or at a point though nothing crashes there. */
  when: 'while-down' | CrashPoint;
}

export const FATES: ReadonlyMap<string, Fate> = new Map<string, Fate>([
  ['hold alive', { what: 'nothing', when: 'while-down' }],
  ['hold expired while down', { what: 'expire', when: 'while-down' }],
  ['hold taken over while down', { what: 'take-over', when: 'while-down' }],
  ['hold expired before the confirmation', { what: 'expire', when: 'unconfirmed:committed' }],
  ['hold expired before the fence', { what: 'expire', when: 'authorised:committed' }],
  ['hold taken over before the fence', { what: 'take-over', when: 'authorised:committed' }],
]);

/** One combination: a fault of the provider, a fate of the hold, and where the process dies. */
export interface Combination {
  fault: string;
  fate: string;
  crashAt: CrashPoint | undefined;
}

/** Lets it happen. */
export async function happen(
  what: Happening['what'],
  held: Held,
  event: DrillEvent,
  authenticate: (held: Held, outcome: 'succeeded' | 'failed') => Promise<void>,
): Promise<void> {
  switch (what) {
    case 'run-out':
      return event.runOut(held);
    case 'expire':
      await event.runOut(held);
      return event.expire(held);
    case 'take-over':
      await event.runOut(held);
      return event.takeOver(held);
    case 'authenticate':
      return authenticate(held, 'succeeded');
    case 'fail-authentication':
      return authenticate(held, 'failed');
  }
}
