import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import type { Sandbox } from './server';
import { faultOf, sandboxWith, stripeClient } from './stripe-client.spec';

let folder: string;
let sandbox: Sandbox;
let stripe: Stripe;

const start = async () => {
  sandbox = await sandboxWith({ dataFolder: folder });
  stripe = stripeClient(sandbox.url);
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  await start();
});

afterAll(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true });
});

let keys = 0;
const newKey = () => ({ idempotencyKey: `key-${(keys += 1)}` });

const create = (paymentMethod: string, options = newKey(), metadata: Record<string, string> = {}) =>
  stripe.paymentIntents.create(
    { amount: 1_000, currency: 'eur', capture_method: 'manual', payment_method: paymentMethod, metadata },
    options,
  );

const authorised = async () => {
  const intent = await create('pm_card_visa');
  return stripe.paymentIntents.confirm(intent.id, {}, newKey());
};

describe('an intent', () => {
  it('is created, confirmed, captured', async () => {
    const intent = await create('pm_card_visa', newKey(), { holdId: 'h1' });
    expect(intent).toMatchObject({ status: 'requires_confirmation', amount: 1_000, metadata: { holdId: 'h1' } });
    expect(await stripe.paymentIntents.confirm(intent.id)).toMatchObject({
      status: 'requires_capture',
      amount_capturable: 1_000,
    });
    expect(await stripe.paymentIntents.capture(intent.id)).toMatchObject({
      status: 'succeeded',
      amount_received: 1_000,
    });
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({ status: 'succeeded' });
  });

  it('is cancelled before capture, and not after', async () => {
    const intent = await authorised();
    expect(await stripe.paymentIntents.cancel(intent.id)).toMatchObject({ status: 'canceled', amount_capturable: 0 });
    expect(await faultOf(stripe.paymentIntents.capture(intent.id))).toMatchObject({
      statusCode: 400,
      code: 'payment_intent_unexpected_state',
    });

    const captured = await authorised();
    await stripe.paymentIntents.capture(captured.id);
    expect(await faultOf(stripe.paymentIntents.cancel(captured.id))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
  });

  it('is not captured beyond what was authorised', async () => {
    const intent = await authorised();
    expect(await faultOf(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 1_001 }))).toMatchObject({
      code: 'amount_too_large',
    });
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({ status: 'requires_capture' });
  });

  it('is refused with an unknown method, a bad amount, a wrong secret key', async () => {
    expect(await faultOf(create('pm_none'))).toMatchObject({ statusCode: 400, code: 'resource_missing' });
    const bad = { amount: 0, currency: 'eur', capture_method: 'manual' as const };
    expect(await faultOf(stripe.paymentIntents.create(bad))).toMatchObject({ statusCode: 400, param: 'amount' });
    expect(await faultOf(stripe.paymentIntents.retrieve('pi_none'))).toMatchObject({ statusCode: 404 });
    const stranger = stripeClient(sandbox.url, 'sk_test_stranger');
    expect(await faultOf(stranger.paymentIntents.list())).toMatchObject({ type: 'StripeAuthenticationError' });
  });
});

describe('test cards', () => {
  it.each([
    ['pm_card_chargeDeclined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
  ])('%s declines with %s', async (card, declineCode) => {
    const intent = await create(card);
    const error = await faultOf(stripe.paymentIntents.confirm(intent.id));
    expect(error).toMatchObject({
      type: 'StripeCardError',
      statusCode: 402,
      code: 'card_declined',
      decline_code: declineCode,
    });
    expect(error.payment_intent).toMatchObject({ id: intent.id, status: 'requires_payment_method' });
  });

  it.each([
    ['succeeded', 'requires_capture'],
    ['failed', 'requires_payment_method'],
  ])('authenticationRequired waits for the payer; 3-D Secure %s', async (outcome, status) => {
    const intent = await create('pm_card_authenticationRequired');
    const asking = await stripe.paymentIntents.confirm(intent.id);
    expect(asking.status).toBe('requires_action');
    const page = asking.next_action?.redirect_to_url?.url as string;
    expect(await (await fetch(page)).text()).toContain('value="succeeded"');
    await fetch(page, { method: 'POST', body: new URLSearchParams({ outcome }) });
    expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe(status);
  });

  it('capture_fails is refused for good at capture', async () => {
    const intent = await create('pm_sandbox_capture_fails');
    await stripe.paymentIntents.confirm(intent.id);
    expect(await faultOf(stripe.paymentIntents.capture(intent.id))).toMatchObject({
      code: 'charge_expired_for_capture',
    });
    expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({ status: 'canceled', amount_received: 0 });
  });

  it('slow answers late', async () => {
    const intent = await create('pm_sandbox_slow_50');
    expect((await stripe.paymentIntents.confirm(intent.id)).status).toBe('requires_capture');
  });
});

describe('faults', () => {
  it.each([
    ['pm_sandbox_timeout_before', 'requires_confirmation'],
    ['pm_sandbox_timeout_after', 'requires_capture'],
  ])('%s hangs, and the intent is then %s', async (method, status) => {
    const intent = await create(method);
    const options = newKey();
    expect(await faultOf(stripe.paymentIntents.confirm(intent.id, {}, options))).toMatchObject({
      type: 'StripeConnectionError',
    });
    expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe(status);
    expect((await stripe.paymentIntents.confirm(intent.id, {}, options)).status).toBe('requires_capture');
  });

  it.each([
    ['pm_sandbox_500_before', 'requires_confirmation'],
    ['pm_sandbox_500_after', 'requires_capture'],
  ])('%s stores a 500 under the key, and the intent is then %s', async (method, status) => {
    const intent = await create(method);
    const options = newKey();
    const confirm = () => stripe.paymentIntents.confirm(intent.id, {}, options);
    expect(await faultOf(confirm())).toMatchObject({ type: 'StripeAPIError', statusCode: 500 });
    const replayed = await faultOf(confirm());
    expect(replayed).toMatchObject({ statusCode: 500, headers: { 'idempotent-replayed': 'true' } });
    expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe(status);
  });

  it('hits the step named at its end, once', async () => {
    const options = newKey();
    const method = 'pm_sandbox_timeout_after_create';
    expect(await faultOf(create(method, options))).toMatchObject({ type: 'StripeConnectionError' });
    const intent = await create(method, options);
    expect([...sandbox.books.intents.values()].filter((each) => each.payment_method === method)).toHaveLength(1);
    expect((await stripe.paymentIntents.confirm(intent.id)).status).toBe('requires_capture');
  });
});

describe('an idempotency key', () => {
  it('replays the first answer, marked', async () => {
    const options = newKey();
    const first = await create('pm_card_visa', options);
    const second = await create('pm_card_visa', options);
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
  });

  it('is refused for other parameters', async () => {
    const options = newKey();
    await create('pm_card_visa', options);
    expect(await faultOf(create('pm_card_mastercard', options))).toMatchObject({
      type: 'StripeIdempotencyError',
      statusCode: 400,
    });
  });

  it('is refused while the first request runs', async () => {
    const intent = await create('pm_sandbox_slow_200');
    const options = newKey();
    const [first, second] = await Promise.allSettled([
      stripe.paymentIntents.confirm(intent.id, {}, options),
      stripe.paymentIntents.confirm(intent.id, {}, options),
    ]);
    expect(first).toMatchObject({ status: 'fulfilled' });
    expect(second).toMatchObject({ reason: { statusCode: 409, code: 'idempotency_key_in_use' } });
  });
});

describe('refunds', () => {
  it('give back at most what was captured', async () => {
    const intent = await authorised();
    expect(await faultOf(stripe.refunds.create({ payment_intent: intent.id }))).toMatchObject({
      code: 'charge_not_captured',
    });
    await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 900 });
    const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 400 });
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({ amount: 400, status: 'succeeded' });
    expect(await faultOf(stripe.refunds.create({ payment_intent: intent.id, amount: 501 }))).toMatchObject({
      param: 'amount',
    });
    await stripe.refunds.create({ payment_intent: intent.id });
    expect(await faultOf(stripe.refunds.create({ payment_intent: intent.id }))).toMatchObject({
      code: 'charge_already_refunded',
    });
    expect((await stripe.refunds.list({ payment_intent: intent.id })).data.map(({ amount }) => amount)).toEqual([
      500, 400,
    ]);
  });
});

describe('lists', () => {
  it('page through all, newest first, filtered by time', async () => {
    const ids: string[] = [];
    for (let number = 0; number < 5; number++)
      ids.unshift((await create('pm_card_visa', newKey(), { n: `${number}` })).id);
    const firstPage = await stripe.paymentIntents.list({ limit: 2 });
    expect(firstPage).toMatchObject({ has_more: true, data: [{ id: ids[0] }, { id: ids[1] }] });

    const seen: string[] = [];
    for await (const intent of stripe.paymentIntents.list({ limit: 2 })) {
      seen.push(intent.id);
      if (seen.length === ids.length) break;
    }
    expect(seen).toEqual(ids);
    const nextMinute = Math.floor(Date.now() / 1_000) + 60;
    expect((await stripe.paymentIntents.list({ created: { gte: nextMinute } })).data).toEqual([]);
  });
});

describe('the books', () => {
  it('are readable, and survive a restart with their keys', async () => {
    const options = newKey();
    const intent = await create('pm_card_visa', options);
    const read = async () => {
      const headers = { authorization: 'Bearer sk_test_sandbox' };
      return (await fetch(`${sandbox.url}/sandbox/books`, { headers })).json() as Promise<{ totals: unknown }>;
    };
    const before = await read();
    expect(before.totals).toMatchObject({ eur: { captured: 2_900, refunded: 900 } });
    await sandbox.close();
    await start();
    expect(await read()).toEqual(before);
    expect((await create('pm_card_visa', options)).id).toBe(intent.id);
    expect((await fetch(`${sandbox.url}/sandbox/books`)).status).toBe(401);
  });
});

it('names the setting of a port that another process has', async () => {
  const port = Number(new URL(sandbox.url).port);
  await expect(sandboxWith({ port })).rejects.toThrow(/HOLDFAST_SANDBOX_PORT: another process listens on it$/);
});
