import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SandboxConfig, startSandbox, type Sandbox } from '@holdfast/sandbox-provider';
import { eventually } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import type { Attempt } from './attempts';
import { Provider, ProviderSilent } from './provider';

const FAULTS_MAX = 3;
const REST_MS = 150;

let sandbox: Sandbox;
let provider: Provider;

beforeEach(async () => {
  sandbox = await startSandbox(Object.assign(new SandboxConfig(), { port: 0 }));
  provider = connect();
});

afterEach(() => sandbox.close());

const connect = ({ apiUrl = sandbox.url, secretKey = 'sk_test_sandbox' } = {}) =>
  new Provider({
    apiUrl,
    secretKey,
    system: 'holdfast',
    timeoutMs: 1_000,
    faultsMax: FAULTS_MAX,
    restMs: REST_MS,
  });

/** A provider that gives one answer to everything. */
async function asking(status: number, body: string) {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const strange = connect({ apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { strange, close };
}

const attempt = (paymentMethod: string): Attempt => ({
  eventId: newId(),
  attemptId: newId(),
  holdId: newId(),
  buyerId: 'buyer',
  paymentMethod,
  askedVersion: null,
  state: 'begun',
  version: 1,
  reason: null,
  amountMinor: 9_000,
  currency: 'EUR',
  fenceVersion: 1,
  seatIds: ['A1'],
  seatPricesMinor: [9_000],
  latePayment: 'void',
  lateHoldId: null,
  authorisedMinor: 0,
  capturedMinor: 0,
  releasedMinor: 0,
  refundedMinor: 0,
  deadline: new Date(),
  intentId: null,
  keyGeneration: 1,
  keySpent: false,
  tries: 0,
  createdAt: new Date(),
  nextAt: new Date(),
  deadlinePassed: false,
  serverTime: new Date(),
});

const confirmed = async (paymentMethod: string) => {
  const begun = attempt(paymentMethod);
  const created = await provider.createIntent(begun);
  if ('refused' in created) throw new Error(created.refused);
  const unconfirmed = { ...begun, intentId: created.intent.id };
  return { unconfirmed, answer: await provider.confirmIntent(unconfirmed).catch((error: unknown) => error) };
};

describe('the provider', () => {
  it('is asked for the amount of the hold, in its currency, with the attempt named', async () => {
    const { unconfirmed, answer } = await confirmed('pm_card_visa');
    expect(answer).toMatchObject({ intent: { status: 'requires_capture' } });
    expect(sandbox.books.intents.get(unconfirmed.intentId)).toMatchObject({
      amount: 9_000,
      currency: 'eur',
      metadata: { attemptId: unconfirmed.attemptId, holdId: unconfirmed.holdId, eventId: unconfirmed.eventId },
    });
  });

  it('says what a step came to when it was done before', async () => {
    const { unconfirmed } = await confirmed('pm_card_visa');
    const again = { ...unconfirmed, keyGeneration: 2 };
    expect(await provider.confirmIntent(again)).toMatchObject({ intent: { status: 'requires_capture' } });
    await provider.captureIntent(unconfirmed);
    expect(await provider.captureIntent(again)).toMatchObject({ intent: { status: 'succeeded' } });
    expect(await provider.cancelIntent(unconfirmed)).toMatchObject({ status: 'succeeded' });
  });

  it('finds the intent of an attempt among many, by its metadata', async () => {
    const lost = attempt('pm_card_visa');
    await provider.createIntent(lost);
    for (let other = 0; other < 120; other++) await provider.createIntent(attempt('pm_card_visa'));
    const found = await provider.findIntent(lost);
    expect(sandbox.books.intents.get(found?.id ?? '')?.metadata.attemptId).toBe(lost.attemptId);
    expect(await provider.findIntent(attempt('pm_card_visa'))).toBeUndefined();
  });

  it.each([
    ['pm_sandbox_timeout_before', false],
    ['pm_sandbox_timeout_after', false],
    ['pm_sandbox_500_before', true],
    ['pm_sandbox_500_after', true],
  ])('%s is silence; the key is spent: %s', async (paymentMethod, answered) => {
    const { answer } = await confirmed(paymentMethod);
    expect(answer).toBeInstanceOf(ProviderSilent);
    expect(answer).toMatchObject({ answered });
  });

  it('that refuses our secret key has refused no payment', async () => {
    await expect(connect({ secretKey: 'sk_test_wrong' }).createIntent(attempt('pm_card_visa'))).rejects.toBeInstanceOf(
      ProviderSilent,
    );
  });

  it('is left alone after some faults in a row, and asked again after a rest', async () => {
    const hanging = await Promise.all(
      Array.from({ length: FAULTS_MAX }, () =>
        provider.createIntent(attempt('pm_sandbox_timeout_after_create')).catch(() => 'silent'),
      ),
    );
    expect(hanging).toEqual(['silent', 'silent', 'silent']);
    const known = sandbox.books.intents.size;
    await expect(provider.createIntent(attempt('pm_card_visa'))).rejects.toMatchObject({ answered: false });
    expect(sandbox.books.intents.size).toBe(known);

    const back = await eventually(() => provider.createIntent(attempt('pm_card_visa')).catch(() => undefined));
    expect(back).toMatchObject({ intent: { status: 'requires_confirmation' } });
  });

  it.each(['\ud800', 'a\u0000b', 'x'.repeat(101), 'no code', '', 5, { a: 1 }])(
    'names as a reason only what is a code, which %j is not',
    async (noCode) => {
      const refusal = { error: { type: 'card_error', code: 'card_declined', decline_code: noCode } };
      const { strange, close } = await asking(402, JSON.stringify(refusal));
      expect(await strange.createIntent(attempt('pm_card_visa'))).toEqual({ refused: 'card-declined' });
      await close();
    },
  );

  const INTENT = {
    id: 'pi_1',
    status: 'requires_capture',
    amount: 9_000,
    amount_received: 0,
    currency: 'eur',
    metadata: {},
  };
  it.each([
    ['a page of a proxy', 200, '<html>'],
    ['nothing', 200, ''],
    ['no object', 200, 'null'],
    ['an object of another kind', 200, '{}'],
    ['an intent without a currency', 200, JSON.stringify({ ...INTENT, currency: undefined })],
    ['an intent in an unknown state', 200, JSON.stringify({ ...INTENT, status: 'paid' })],
    ['an intent of half a cent', 200, JSON.stringify({ ...INTENT, amount: 0.5 })],
    ["a proxy's refusal", 404, '<html>'],
    ['a refusal in no words of the provider', 400, '{"error":{"message":"no route"}}'],
    ['a refusal in one word', 400, '{"error":"bad_request"}'],
    ['a refusal that is none', 400, '{}'],
  ])('that answers with %s has not said what it did', async (_, status, body) => {
    const { strange, close } = await asking(status, body);
    for (let asked = 0; asked < FAULTS_MAX; asked++) {
      const silence = strange.createIntent(attempt('pm_card_visa'));
      await expect(silence).rejects.toMatchObject({ name: 'ProviderSilent', answered: false });
    }
    // Each counts as a fault of the provider.
    await expect(strange.createIntent(attempt('pm_card_visa'))).rejects.toThrow(/failed too often/);
    await close();
  });

  it.each([
    ['no refund', {}],
    ['a refund without an amount', { id: 're_1', status: 'succeeded' }],
  ])('that answers with %s has not said whether it gave the money back', async (_, body) => {
    const { strange, close } = await asking(200, JSON.stringify(body));
    await expect(strange.refundOrphan('pi_1')).rejects.toMatchObject({ name: 'ProviderSilent', answered: false });
    await close();
  });

  it('that answers with no list has not said that there is nothing', async () => {
    const { strange, close } = await asking(200, '{}');
    const pages = [strange.intentsBetween(new Date(0), new Date()), strange.refundsBetween(new Date(0), new Date())];
    for (const page of pages) {
      await expect(page.next()).rejects.toMatchObject({ name: 'ProviderSilent', answered: false });
    }
    await close();
  });

  it('that declines a card has not failed', async () => {
    for (let declined = 0; declined <= FAULTS_MAX; declined++) {
      expect((await confirmed('pm_card_chargeDeclined')).answer).toEqual({ refused: 'generic-decline' });
    }
  });
});
