import Stripe from 'stripe';
import type { CrashPoint, State, World } from './attempt-lifecycle';
import type { Attempt } from './attempts';
import { HoldServiceSilent } from './hold-commands';
import type { HeldSeats, PaymentRig, RigWorld } from './payment-rig.spec';

/** The process died here. */
export class Crash extends Error {}

/** What a payment meets on its way, and how it ends all the same. */
export interface Scenario {
  method: string;
  ends: State;
  /** A crash may lose a more exact reason for a less exact one. */
  reason?: string | string[];
  /** The event: `paid` unless said. */
  on?: 'free' | 'late';
  /** Somebody else asks to pay the hold. */
  stranger?: boolean;
  /** What happens elsewhere when a point is reached for the first time; it may throw a Crash. */
  at?: Partial<Record<CrashPoint, (rig: PaymentRig, held: HeldSeats, attempt: Attempt) => Promise<void>>>;
  /** Takes the place of a part of the world. */
  world?: (world: RigWorld) => Partial<RigWorld>;
}

const intentId = (rig: PaymentRig, { attemptId }: Attempt): string => {
  const own = [...rig.sandbox.books.intents.values()].find((intent) => intent.metadata.attemptId === attemptId);
  if (!own) throw new Error('no intent');
  return own.id;
};

const authenticate = (outcome: string) => async (rig: PaymentRig, _held: HeldSeats, attempt: Attempt) => {
  const url = `${rig.sandbox.url}/sandbox/payment_intents/${intentId(rig, attempt)}/authenticate`;
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams({ outcome }) });
  if (!response.ok) throw new Error(`3-D Secure: ${response.status}`);
};

/** Somebody with the provider's secret key, past us. */
const stripeOf = (rig: PaymentRig) => {
  const { hostname, port } = new URL(rig.sandbox.url);
  return new Stripe('sk_test_sandbox', { protocol: 'http', host: hostname, port, telemetry: false });
};

const cancelAtProvider = async (rig: PaymentRig, _held: HeldSeats, attempt: Attempt) => {
  await stripeOf(rig).paymentIntents.cancel(intentId(rig, attempt));
};

const authenticateAndCapture = async (rig: PaymentRig, held: HeldSeats, attempt: Attempt) => {
  await authenticate('succeeded')(rig, held, attempt);
  await stripeOf(rig).paymentIntents.capture(intentId(rig, attempt));
};

/** The payer's client has the intent's secret and may try another card with it. */
const payWithAnotherCard = async (rig: PaymentRig, _held: HeldSeats, attempt: Attempt) => {
  const { paymentIntents } = stripeOf(rig);
  await paymentIntents.confirm(intentId(rig, attempt), { payment_method: 'pm_card_visa' });
  await paymentIntents.capture(intentId(rig, attempt));
};

const authenticateTooLate = async (rig: PaymentRig, held: HeldSeats, attempt: Attempt) => {
  await authenticate('succeeded')(rig, held, attempt);
  await rig.runOut(held);
};

const runOut = (rig: PaymentRig, held: HeldSeats) => rig.runOut(held);

const takenOver = async (rig: PaymentRig, held: HeldSeats) => {
  await rig.runOut(held);
  await rig.takeOver(held);
};

const runOutAndDie = async (rig: PaymentRig, held: HeldSeats) => {
  await rig.runOut(held);
  throw new Crash();
};

/** Every reply of hold-service is lost once, after its effect. */
const losingReplies = ({ holds }: RigWorld): Partial<RigWorld> => {
  const lost = new Set<string>();
  const lose = async <T>(name: string, reply: Promise<T>): Promise<T> => {
    const answer = await reply;
    if (lost.has(name)) return answer;
    lost.add(name);
    throw new HoldServiceSilent('lost', false);
  };
  return {
    holds: {
      isReady: () => holds.isReady(),
      beginPayment: (attempt) => lose('begin', holds.beginPayment(attempt)),
      book: (attempt) => lose('book', holds.book(attempt)),
      lateBook: (attempt) => lose('late-book', holds.lateBook(attempt)),
      endPayment: (attempt) => lose('end', holds.endPayment(attempt)),
      unbook: (attempt, reason) => lose('unbook', holds.unbook(attempt, reason)),
      unbookSeats: (refund) => lose('unbook', holds.unbookSeats(refund)),
    },
  };
};

/** RabbitMQ goes away just when the first command is sent. */
const brokerAwayOnce = ({ holds }: RigWorld): Partial<RigWorld> => ({
  holds: {
    ...holds,
    beginPayment: () => Promise.reject(new HoldServiceSilent('away', true)),
  },
});

/** A capture that is done, and answered with a refusal. */
const lyingAboutCapture = ({ provider }: RigWorld): Partial<RigWorld> => {
  const lying = Object.create(provider) as World['provider'];
  lying.captureIntent = async (attempt) => {
    await provider.captureIntent(attempt);
    return { refused: 'lied' };
  };
  return { provider: lying };
};

/** The provider names another amount, once there is one that matters. */
const namingAnotherAmount = ({ provider }: RigWorld): Partial<RigWorld> => {
  const naming = Object.create(provider) as World['provider'];
  naming.confirmIntent = async (attempt) => {
    const answer = await provider.confirmIntent(attempt);
    if ('refused' in answer || answer.intent.status === 'requires_action') return answer;
    return { intent: { ...answer.intent, amountMinor: answer.intent.amountMinor + 1 } };
  };
  naming.readIntent = async (attempt) => {
    const intent = await provider.readIntent(attempt);
    return intent.status === 'requires_capture' ? { ...intent, amountMinor: intent.amountMinor + 1 } : intent;
  };
  return { provider: naming };
};

export const SCENARIOS: Record<string, Scenario> = {
  'a good card': { method: 'pm_card_visa', ends: 'captured' },
  'free seats': { method: 'pm_card_visa', on: 'free', ends: 'captured' },
  'a declined card': {
    method: 'pm_card_chargeDeclinedInsufficientFunds',
    ends: 'declined',
    reason: 'insufficient-funds',
  },
  'an unknown payment method': { method: 'pm_none', ends: 'declined', reason: 'unknown-payment-method' },
  '3-D Secure, done': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': authenticate('succeeded') },
    ends: 'captured',
  },
  '3-D Secure, failed': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': authenticate('failed') },
    ends: 'declined',
    reason: 'payment-intent-authentication-failure',
  },
  '3-D Secure, not done in time': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': runOut },
    ends: 'voided',
    reason: 'expired',
  },
  'confirm hangs without effect': { method: 'pm_sandbox_timeout_before', ends: 'captured' },
  'confirm hangs after its effect': { method: 'pm_sandbox_timeout_after', ends: 'captured' },
  'confirm fails without effect, for ever under its key': { method: 'pm_sandbox_500_before', ends: 'captured' },
  'confirm fails after its effect': { method: 'pm_sandbox_500_after', ends: 'captured' },
  'confirm answers after the client has given up': { method: 'pm_sandbox_slow_200', ends: 'captured' },
  'create hangs without effect': { method: 'pm_sandbox_timeout_before_create', ends: 'captured' },
  'create hangs after its effect': { method: 'pm_sandbox_timeout_after_create', ends: 'captured' },
  'create fails without effect': { method: 'pm_sandbox_500_before_create', ends: 'captured' },
  'create fails after its effect': { method: 'pm_sandbox_500_after_create', ends: 'captured' },
  'capture hangs without effect': { method: 'pm_sandbox_timeout_before_capture', ends: 'captured' },
  'capture hangs after its effect': { method: 'pm_sandbox_timeout_after_capture', ends: 'captured' },
  'capture fails without effect': { method: 'pm_sandbox_500_before_capture', ends: 'captured' },
  'capture fails after its effect': { method: 'pm_sandbox_500_after_capture', ends: 'captured' },
  'capture is refused for good': {
    method: 'pm_sandbox_capture_fails',
    ends: 'capture-failed',
    reason: ['charge-expired-for-capture', 'cancelled-at-provider'],
  },
  'the hold runs out before the fence': {
    method: 'pm_card_visa',
    at: { 'authorised:committed': runOut },
    ends: 'voided',
    reason: 'expired',
  },
  'the hold is taken over before the fence': {
    method: 'pm_card_visa',
    at: { 'authorised:committed': takenOver },
    ends: 'voided',
    reason: 'expired',
  },
  'a late payer whose seats are still free': {
    method: 'pm_card_visa',
    on: 'late',
    at: { 'authorised:committed': runOut },
    ends: 'captured',
  },
  'a late payer whose seats are taken': {
    method: 'pm_card_visa',
    on: 'late',
    at: { 'authorised:committed': takenOver },
    ends: 'voided',
    reason: 'seats-taken',
  },
  'a late payer whose seats are taken while they are asked for': {
    method: 'pm_card_visa',
    on: 'late',
    at: { 'authorised:committed': runOut, 'late:committed': (rig, held) => rig.takeOver(held).then(() => undefined) },
    ends: 'voided',
    reason: 'seats-taken',
  },
  'a late payer whose capture is refused': {
    method: 'pm_sandbox_capture_fails',
    on: 'late',
    at: { 'authorised:committed': runOut },
    ends: 'capture-failed',
    reason: ['charge-expired-for-capture', 'cancelled-at-provider'],
  },
  '3-D Secure, done in time and seen too late': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': authenticateTooLate },
    ends: 'voided',
    reason: 'expired',
  },
  '3-D Secure, done in time and seen too late, and the seats are still free': {
    method: 'pm_card_authenticationRequired',
    on: 'late',
    at: { 'requires-action:committed': authenticateTooLate },
    ends: 'captured',
  },
  'a method that cannot set money aside': { method: 'pm_sandbox_automatic', ends: 'captured' },
  'a method that cannot set money aside, and the hold runs out': {
    method: 'pm_sandbox_automatic',
    at: { 'charged:committed': runOut },
    ends: 'returned',
    reason: 'expired',
  },
  'a method that cannot set money aside, and the seats are still free': {
    method: 'pm_sandbox_automatic',
    on: 'late',
    at: { 'charged:committed': runOut },
    ends: 'captured',
  },
  'a method that cannot set money aside, and the seats are taken': {
    method: 'pm_sandbox_automatic',
    on: 'late',
    at: { 'charged:committed': takenOver },
    ends: 'returned',
    reason: 'seats-taken',
  },
  'the money is taken past us while the payer is waited for': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': authenticateAndCapture },
    ends: 'captured',
  },
  'the money is taken past us after the attempt is given up': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': runOut, 'abandoning:committed': authenticateAndCapture },
    ends: 'returned',
    reason: 'expired',
  },
  'another card pays past us after the first is declined': {
    method: 'pm_card_chargeDeclined',
    at: { 'declining:committed': payWithAnotherCard },
    ends: 'returned',
    reason: 'generic-decline',
  },
  'the provider names another amount': {
    method: 'pm_card_visa',
    world: namingAnotherAmount,
    ends: 'voided',
    reason: 'amount-differs',
  },
  'the provider names another amount after 3-D Secure': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': authenticate('succeeded') },
    world: namingAnotherAmount,
    ends: 'voided',
    reason: 'amount-differs',
  },
  'the hold runs out after a create that failed with effect': {
    method: 'pm_sandbox_500_after_create',
    at: { 'begun:find-intent:before': runOutAndDie },
    ends: 'voided',
    reason: 'expired',
  },
  'the void hangs after its effect': {
    method: 'pm_sandbox_timeout_after_cancel',
    at: { 'authorised:committed': runOut },
    ends: 'voided',
    reason: 'expired',
  },
  'the void fails without effect': {
    method: 'pm_sandbox_500_before_cancel',
    at: { 'authorised:committed': takenOver },
    ends: 'voided',
    reason: 'expired',
  },
  'the hold runs out while the fence answers': {
    method: 'pm_card_visa',
    at: { 'authorised:book:after': runOut },
    ends: 'captured',
  },
  'the hold runs out before the intent': {
    method: 'pm_card_visa',
    at: { 'begun:committed': runOutAndDie },
    ends: 'voided',
    reason: 'expired',
  },
  'the hold runs out before the confirmation': {
    method: 'pm_card_visa',
    at: { 'unconfirmed:committed': runOutAndDie },
    ends: 'voided',
    reason: 'expired',
  },
  'the intent is cancelled at the provider before its confirmation': {
    method: 'pm_card_visa',
    at: { 'unconfirmed:committed': cancelAtProvider },
    ends: 'voided',
    reason: 'cancelled-at-provider',
  },
  'the intent is cancelled at the provider while the payer is waited for': {
    method: 'pm_card_authenticationRequired',
    at: { 'requires-action:committed': cancelAtProvider },
    ends: 'voided',
    reason: 'cancelled-at-provider',
  },
  'the intent is cancelled at the provider after the fence': {
    method: 'pm_card_visa',
    at: { 'booked:committed': cancelAtProvider },
    ends: 'capture-failed',
    reason: 'cancelled-at-provider',
  },
  'replies are lost on the way to a ticket': { method: 'pm_card_visa', world: losingReplies, ends: 'captured' },
  'replies are lost on the way to a refusal': {
    method: 'pm_card_chargeDeclined',
    world: losingReplies,
    ends: 'declined',
    reason: 'generic-decline',
  },
  'replies are lost after a refused capture': {
    method: 'pm_sandbox_capture_fails',
    world: losingReplies,
    ends: 'capture-failed',
    reason: ['charge-expired-for-capture', 'cancelled-at-provider'],
  },
  'RabbitMQ goes away': { method: 'pm_card_visa', world: brokerAwayOnce, ends: 'voided', reason: 'unavailable' },
  'a capture is done and said to be refused': { method: 'pm_card_visa', world: lyingAboutCapture, ends: 'captured' },
  "a stranger's payment": { method: 'pm_card_visa', stranger: true, ends: 'refused', reason: 'unknown-hold' },
};
