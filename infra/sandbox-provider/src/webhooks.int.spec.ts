import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { eventually } from '@holdfast/testing';
import { SandboxConfig } from './sandbox-config';
import type { Sandbox } from './server';
import { ask, authorise, createIntent, sandboxWith, stripeClient } from './stripe-client.spec';

const SECRET = new SandboxConfig().webhookSecret;

interface Received {
  body: string;
  signature: string;
}

let receiver: Server;
let sandbox: Sandbox;
let stripe: Stripe;
let folder: string;
let received: Received[] = [];
/** How the receiver answers; the next ones first, 200 when there are none. */
let answers: number[] = [];

const webhookUrl = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/v1/webhooks/stripe`;

const start = async () => {
  const config = { webhookUrl: webhookUrl(), webhookRetryMs: 5, lateMs: 100, refundMs: 20, dataFolder: folder };
  sandbox = await sandboxWith(config);
  stripe = stripeClient(sandbox.url);
};

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ body, signature: String(request.headers['stripe-signature']) });
      response.statusCode = answers.shift() ?? 200;
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  await start();
});

afterAll(async () => {
  await sandbox.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  received = [];
  answers = [];
});

const eventOf = ({ body, signature }: Received) => stripe.webhooks.constructEvent(body, signature, SECRET);

const isGenuine = (each: Received) => {
  try {
    return Boolean(eventOf(each));
  } catch {
    return false;
  }
};

/** Those about one intent, in the order in which they came. */
const about = (intent: string) =>
  received
    .filter(({ body }) => body.includes(intent))
    .map((each) => ({ ...each, event: JSON.parse(each.body) as Stripe.Event }));

const typesAbout = (intent: string) => about(intent).map(({ event }) => event.type);

/** What the deliveries of this start were answered: one that was under way at the last stop may still arrive beside them. */
const statusesAbout = async (intent: string) => {
  const deliveries = (await ask(sandbox, 'GET', '/sandbox/webhooks')) as { intent: string; status: number }[];
  return deliveries.filter((each) => each.intent === intent).map(({ status }) => status);
};

const untilReceived = (condition: () => boolean) =>
  eventually(condition, () => `more than ${received.map(({ body }) => body).join('\n')}`);

describe('webhooks', () => {
  it("tell what happened under Stripe's names, in a signature its client accepts", async () => {
    const { id } = await authorise(stripe, { method: 'pm_card_visa' });
    await stripe.paymentIntents.capture(id);
    await stripe.refunds.create({ payment_intent: id, amount: 400 });
    await untilReceived(() => about(id).length === 7);
    expect(typesAbout(id).sort()).toEqual([
      'charge.captured',
      'charge.refunded',
      'charge.succeeded',
      'payment_intent.amount_capturable_updated',
      'payment_intent.created',
      'payment_intent.succeeded',
      'refund.created',
    ]);
    expect(received.every(isGenuine)).toBe(true);
    const succeeded = about(id).find(({ event }) => event.type === 'payment_intent.succeeded');
    expect(succeeded?.event).toMatchObject({ object: 'event', data: { object: { id, amount_received: 1_000 } } });
    expect(() =>
      stripe.webhooks.constructEvent(`${received[0]?.body} `, received[0]?.signature ?? '', SECRET),
    ).toThrow();
  });

  it('are sent again until somebody answers 2xx', async () => {
    answers = [500, 302, 404];
    const { id } = await createIntent(stripe, { method: 'pm_card_visa' });
    await untilReceived(() => about(id).length === 4);
    expect(new Set(about(id).map(({ event }) => event.id)).size).toBe(1);
    expect(await statusesAbout(id)).toEqual([500, 302, 404, 200]);
  });

  it('that were not delivered are sent after the next start', async () => {
    answers = Array.from({ length: 50 }, () => 503);
    const { id } = await createIntent(stripe, { method: 'pm_card_visa' });
    await untilReceived(() => about(id).length > 0);
    await sandbox.close();
    answers = [];
    await start();
    await eventually(async () => (await statusesAbout(id)).length > 0);
    expect(await statusesAbout(id)).toEqual([200]);
  });

  it('say why a card was declined, that a payer is waited for, and that an intent was cancelled', async () => {
    const declined = await createIntent(stripe, { method: 'pm_card_chargeDeclined' });
    await stripe.paymentIntents.confirm(declined.id).catch(() => undefined);
    const asking = await authorise(stripe, { method: 'pm_card_authenticationRequired' });
    await stripe.paymentIntents.cancel(asking.id);
    await untilReceived(() => about(declined.id).length === 2 && about(asking.id).length === 3);
    expect(typesAbout(declined.id)).toContain('payment_intent.payment_failed');
    expect(typesAbout(asking.id).sort()).toEqual([
      'payment_intent.canceled',
      'payment_intent.created',
      'payment_intent.requires_action',
    ]);
  });

  it('can be listed', async () => {
    const { id } = await createIntent(stripe, { method: 'pm_card_visa' });
    const { data } = await stripe.events.list({ type: 'payment_intent.created', limit: 1 });
    expect(data).toMatchObject([{ data: { object: { id } } }]);
    expect(await stripe.events.retrieve(data[0]?.id ?? '')).toEqual(data[0]);
  });
});

describe('scripted webhooks', () => {
  it('come twice', async () => {
    const { id } = await createIntent(stripe, { method: 'pm_sandbox_webhook_duplicate' });
    await untilReceived(() => about(id).length === 2);
    expect(about(id)[0]?.event.id).toBe(about(id)[1]?.event.id);
  });

  it('come after the next one', async () => {
    const { id } = await authorise(stripe, { method: 'pm_sandbox_webhook_reordered' });
    await untilReceived(() => about(id).length === 3);
    expect(typesAbout(id).indexOf('payment_intent.created')).toBeGreaterThan(0);
  });

  it('come late', async () => {
    const late = await createIntent(stripe, { method: 'pm_sandbox_webhook_late' });
    const prompt = await createIntent(stripe, { method: 'pm_card_visa' });
    await untilReceived(() => about(late.id).length === 1);
    expect(received.findIndex(({ body }) => body.includes(prompt.id))).toBe(0);
  });

  it('do not come', async () => {
    const lost = await createIntent(stripe, { method: 'pm_sandbox_webhook_lost' });
    const { id } = await createIntent(stripe, { method: 'pm_card_visa' });
    await untilReceived(() => about(id).length === 1);
    expect(about(lost.id)).toEqual([]);
  });

  it('are preceded by one that a stranger signed', async () => {
    const { id } = await createIntent(stripe, { method: 'pm_sandbox_webhook_forged' });
    await untilReceived(() => about(id).length === 2);
    expect(about(id).map(isGenuine)).toEqual([false, true]);
    expect(about(id).map(({ event }) => (event.data.object as Stripe.PaymentIntent).amount)).toEqual([1_001, 1_000]);
  });

  it('name a wrong amount under a good signature', async () => {
    const { id } = await createIntent(stripe, { method: 'pm_sandbox_webhook_wrong_amount' });
    await untilReceived(() => about(id).length === 1);
    expect(about(id).map(isGenuine)).toEqual([true]);
    expect((about(id)[0]?.event.data.object as Stripe.PaymentIntent).amount).toBe(1_001);
    expect((await stripe.paymentIntents.retrieve(id)).amount).toBe(1_000);
  });

  it('tell the later end of a refund', async () => {
    const { id } = await authorise(stripe, { method: 'pm_card_pendingRefund' });
    await stripe.paymentIntents.capture(id);
    expect(await stripe.refunds.create({ payment_intent: id })).toMatchObject({ status: 'pending' });
    await untilReceived(() => typesAbout(id).includes('refund.updated'));
  });
});
