import type Stripe from 'stripe';
import type { Sandbox } from './server';
import { ask, authorise, createIntent, faultOf, sandboxWith, stripeClient } from './stripe-client.spec';

let sandbox: Sandbox;
let stripe: Stripe;

beforeAll(async () => {
  sandbox = await sandboxWith({ publicUrl: 'https://pay.example' });
  stripe = stripeClient(sandbox.url);
});

afterAll(() => sandbox.close());

const plan = (as: string, where: object) => ask(sandbox, 'POST', '/sandbox/faults', { as, where });

const captured = async (method: string) => {
  const { id } = await authorise(stripe, { method });
  return stripe.paymentIntents.capture(id);
};

const chargeOf = async (intent: Stripe.PaymentIntent) => stripe.charges.retrieve(intent.latest_charge as string);

describe('cards', () => {
  it.each([
    ['that cannot set money aside', 'pm_sandbox_automatic', 'manual'],
    ['of an intent that is captured automatically', 'pm_card_visa', 'automatic'],
  ] as const)('%s pay at once', async (_what, method, captureMethod) => {
    const intent = await authorise(stripe, { method, captureMethod });
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: 1_000, amount_capturable: 0 });
    expect(await chargeOf(intent)).toMatchObject({ captured: true, amount_captured: 1_000 });
    expect(await stripe.refunds.create({ payment_intent: intent.id })).toMatchObject({ amount: 1_000 });
  });

  it('whose refund is pending end it when told so', async () => {
    const intent = await captured('pm_card_pendingRefund');
    const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 300 });
    expect(refund.status).toBe('pending');
    expect(await chargeOf(intent)).toMatchObject({ amount_refunded: 300 });
    await ask(sandbox, 'POST', `/sandbox/refunds/${refund.id}/end`);
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({ status: 'succeeded' });
  });

  it.each([
    ['pm_sandbox_refund_pending_fails', 'pending'],
    ['pm_card_refundFail', 'succeeded'],
  ])('%s: the refund is %s at first and fails, and the money is ours again', async (method, first) => {
    const intent = await captured(method);
    const refund = await stripe.refunds.create({ payment_intent: intent.id });
    expect(refund.status).toBe(first);
    await ask(sandbox, 'POST', `/sandbox/refunds/${refund.id}/end`);
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
      status: 'failed',
      failure_reason: 'lost_or_stolen_card',
    });
    expect(await chargeOf(intent)).toMatchObject({ amount_refunded: 0, refunded: false });
  });

  it('may refuse a refund', async () => {
    const intent = await captured('pm_sandbox_refund_refused');
    expect(await faultOf(stripe.refunds.create({ payment_intent: intent.id }))).toMatchObject({
      statusCode: 400,
      code: 'charge_disputed',
    });
  });

  it('hang as often as they are asked', async () => {
    const { id } = await createIntent(stripe, { method: 'pm_sandbox_hang' });
    for (const _time of [1, 2]) {
      expect(await faultOf(stripe.paymentIntents.confirm(id))).toMatchObject({ type: 'StripeConnectionError' });
    }
    expect((await stripe.paymentIntents.cancel(id)).status).toBe('canceled');
  });

  it('lose the answer to a refund', async () => {
    const intent = await captured('pm_sandbox_timeout_after_refund');
    const options = { idempotencyKey: 'refund-1' };
    await faultOf(stripe.refunds.create({ payment_intent: intent.id }, options));
    await stripe.refunds.create({ payment_intent: intent.id }, options);
    expect((await stripe.refunds.list({ payment_intent: intent.id })).data).toHaveLength(1);
  });

  it('send the payer to the public address', async () => {
    const intent = await authorise(stripe, { method: 'pm_card_authenticationRequired' });
    expect(intent.next_action?.redirect_to_url?.url).toBe(
      `https://pay.example/sandbox/payment_intents/${intent.id}/authenticate`,
    );
  });
});

describe('planned faults', () => {
  afterEach(() => ask(sandbox, 'DELETE', '/sandbox/faults'));

  it('make an amount behave as a card', async () => {
    await plan('pm_card_chargeDeclinedInsufficientFunds', { amount: 4_242 });
    const { id } = await createIntent(stripe, { method: 'pm_card_visa', amount: 4_242 });
    expect(await faultOf(stripe.paymentIntents.confirm(id))).toMatchObject({ decline_code: 'insufficient_funds' });
    expect((await authorise(stripe, { method: 'pm_card_visa', amount: 4_243 })).status).toBe('requires_capture');
  });

  it('hit one attempt, at its creation too, once', async () => {
    await plan('pm_sandbox_500_before_create', { metadata: { attemptId: 'a1' } });
    const create = (attemptId: string) => createIntent(stripe, { method: 'pm_card_visa', metadata: { attemptId } });
    expect(await faultOf(create('a1'))).toMatchObject({ statusCode: 500 });
    expect((await create('a1')).status).toBe('requires_confirmation');
    expect((await create('a2')).status).toBe('requires_confirmation');
  });

  it('add up with the card and with each other', async () => {
    const { id } = await createIntent(stripe, { method: 'pm_sandbox_500_before_capture' });
    await plan('pm_sandbox_500_before_confirm', { intent: id });
    await plan('pm_sandbox_automatic', { intent: id, payment_method: 'pm_sandbox_500_before_capture' });
    await plan('pm_sandbox_automatic', { intent: id, payment_method: 'pm_card_visa' });
    expect(await faultOf(stripe.paymentIntents.confirm(id))).toMatchObject({ statusCode: 500 });
    expect((await stripe.paymentIntents.confirm(id)).status).toBe('succeeded');
  });

  it('can be read and taken back', async () => {
    const planned = (await plan('pm_sandbox_hang', { amount: 1 })) as { id: string };
    expect(await ask(sandbox, 'GET', '/sandbox/faults')).toEqual([
      { id: planned.id, as: 'pm_sandbox_hang', where: { amount: 1 } },
    ]);
    await ask(sandbox, 'DELETE', `/sandbox/faults/${planned.id}`);
    expect(await ask(sandbox, 'GET', '/sandbox/faults')).toEqual([]);
  });

  it('are refused when they concern nobody or are none', async () => {
    await expect(plan('pm_none', { amount: 1 })).rejects.toThrow('400');
    await expect(plan('pm_sandbox_hang', {})).rejects.toThrow('400');
  });
});
