import { createHttpApp } from '@holdfast/http';
import { eventually } from '@holdfast/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import Stripe from 'stripe';
import { v7 as newId } from 'uuid';
import { hasEnded } from './attempt-lifecycle';
import type { Attempt } from './attempts';
import { listBreaks } from './breaks';
import { PaymentConfig } from './payment-config';
import { PaymentRig, TIMES, type HeldSeats } from './payment-rig.spec';
import { paymentService } from './payment-service';

const SECRET = 'whsec_present';
const NEXT_SECRET = 'whsec_next_one';
const HOUR_MS = 3_600_000;
const BODY_TOO_LARGE = 300_000;
const NOWHERE = 'postgres://holdfast@127.0.0.1:1/holdfast';

let rig: PaymentRig;
let app: NestFastifyApplication;

const running: NestFastifyApplication[] = [];

const start = async (changes: Partial<PaymentConfig> = {}) => {
  const config = Object.assign(new PaymentConfig(), {
    ...TIMES,
    // A payer is looked for by hints alone.
    actionPollMs: HOUR_MS,
    completerMs: HOUR_MS,
    jwtSecret: 'a secret of at least thirty-two characters',
    logLevel: 'silent',
    postgresUrl: rig.postgresUrl,
    rabbitmqUrl: rig.rabbitmqUrl,
    stripeApiUrl: rig.sandbox.url,
    stripeWebhookSecrets: [SECRET, NEXT_SECRET],
    ...changes,
  });
  const started = await createHttpApp(paymentService(config));
  running.push(started);
  return started;
};

beforeAll(async () => {
  rig = await PaymentRig.open();
  app = await start();
});

afterAll(async () => {
  await Promise.all(running.map((each) => each.close()));
  await rig.close();
});

const inObject = (member: string) => `data.object.${member}`;

interface Told {
  type?: string;
  object?: object;
  id?: string;
}

/** As the provider's ids go on. */
const newHex = () => newId().replaceAll('-', '');

const eventOf = ({ type = 'payment_intent.amount_capturable_updated', object = {}, id = `evt_${newHex()}` }: Told) => ({
  id,
  object: 'event',
  created: Math.floor(Date.now() / 1_000),
  type,
  data: { object: { object: 'payment_intent', id: `pi_${newHex()}`, amount: 9_000, currency: 'eur', ...object } },
});

const signed = (payload: string, { secret = SECRET, ageSeconds = 0 } = {}) =>
  Stripe.webhooks.generateTestHeaderString({
    payload,
    secret,
    timestamp: Math.floor(Date.now() / 1_000) - ageSeconds,
  });

const post = async (payload: string, signature: string | undefined, on = app) =>
  on.inject({
    method: 'POST',
    url: '/v1/webhooks/stripe',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...(signature !== undefined && { 'stripe-signature': signature }),
    },
    payload,
  });

const tell = async (told: Told) => {
  const payload = JSON.stringify(eventOf(told));
  return post(payload, signed(payload));
};

const inboxOf = async (objectId: string) =>
  rig.database.query<{ type: string; verdict: string }>(
    'SELECT type, verdict FROM payments.inbox WHERE object_id = $1 ORDER BY received_at',
    [objectId],
  );

/** A payment that has come to 3-D Secure, and its intent. */
async function waitingForPayer(): Promise<{ held: HeldSeats; attempt: Attempt; intent: object & { id: string } }> {
  const held = await rig.holdSeats();
  const attempt = await rig.pay(held, 'pm_card_authenticationRequired');
  const intent = rig.sandbox.books.intents.get(attempt.intentId ?? '');
  if (attempt.state !== 'requires-action' || !intent) throw new Error(`is ${attempt.state}`);
  await rig.database.query(`UPDATE payments.attempts SET next_at = now() + interval '1 hour' WHERE attempt_id = $1`, [
    attempt.attemptId,
  ]);
  return { held, attempt, intent };
}

function ended(attempt: Attempt): Promise<Attempt> {
  return eventually(async () => {
    const now = await rig.world().attempts.reread(attempt);
    return hasEnded(now.state) && now;
  });
}

describe('a webhook', () => {
  it('makes a payment that waits for its payer go on, though nobody would have looked for an hour', async () => {
    const { held, attempt, intent } = await waitingForPayer();
    await rig.authenticate(attempt, 'succeeded');
    expect((await tell({ object: intent })).statusCode).toBe(204);
    expect(await ended(attempt)).toMatchObject({ state: 'captured' });
    expect(await rig.booksOf(held, attempt)).toEqual({ chargedMinor: 9_000, booked: true, open: [] });
    expect(await inboxOf(intent.id)).toEqual([{ type: 'payment_intent.amount_capturable_updated', verdict: 'hint' }]);
  });

  it('is only a hint: what it says of the payment is not believed', async () => {
    const { attempt, intent } = await waitingForPayer();
    await tell({ type: 'payment_intent.succeeded', object: { ...intent, status: 'succeeded' } });
    await rig.settled(attempt);
    expect(await rig.world().attempts.reread(attempt)).toMatchObject({ state: 'requires-action' });
  });

  it('that comes again has been stored once, and is answered like the first', async () => {
    const { intent } = await waitingForPayer();
    const told = { object: intent, id: `evt_${newHex()}` };
    const answers = await Promise.all([tell(told), tell(told), tell(told)]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([204, 204, 204]);
    expect(await inboxOf(intent.id)).toHaveLength(1);
  });

  it.each([
    ['in their order', [0, 1, 2]],
    ['in the opposite order', [2, 1, 0]],
  ])('of one payment may come %s', async (_order, order) => {
    const { attempt, intent } = await waitingForPayer();
    const told = [
      'payment_intent.created',
      'payment_intent.requires_action',
      'payment_intent.amount_capturable_updated',
    ];
    await rig.authenticate(attempt, 'succeeded');
    for (const index of order) expect((await tell({ type: told[index], object: intent })).statusCode).toBe(204);
    expect(await ended(attempt)).toMatchObject({ state: 'captured' });
  });

  it('that comes while somebody works on the payment is heeded when they put it down', async () => {
    const { attempts } = rig.world();
    const { attempt, intent } = await waitingForPayer();
    const inHand = await attempts.takeOver(attempt);
    if (!inHand) throw new Error('somebody else has it');
    await tell({ object: intent });
    expect((await attempts.reread(inHand)).nextAt).toEqual(inHand.nextAt);
    const put = await attempts.postpone(inHand, { keySpent: false, waiting: true });
    expect(put.nextAt.getTime()).toBeLessThanOrEqual(put.serverTime.getTime());
  });

  it('of a kind that concerns no payment is stored and answered', async () => {
    const object = { object: 'customer', id: `cus_${newHex()}` };
    expect((await tell({ type: 'customer.created', object })).statusCode).toBe(204);
    expect(await inboxOf(object.id)).toEqual([{ type: 'customer.created', verdict: 'unknown-type' }]);
  });

  it('about a payment that is not known is stored for reconciliation and answered', async () => {
    const object = { id: `pi_${newHex()}`, metadata: { eventId: newId(), attemptId: newId() } };
    expect((await tell({ object })).statusCode).toBe(204);
    expect(await inboxOf(object.id)).toMatchObject([{ verdict: 'doubtful' }]);
  });

  it('with a wrong amount moves nothing and is a break', async () => {
    const { attempt, intent } = await waitingForPayer();
    const id = `evt_${newHex()}`;
    expect((await tell({ id, object: { ...intent, amount: 1 } })).statusCode).toBe(204);
    await rig.settled(attempt);
    expect(await rig.world().attempts.reread(attempt)).toMatchObject({ state: 'requires-action', amountMinor: 9_000 });
    const breaks = await listBreaks(rig.database, { all: false, limit: 100 });
    expect(breaks.filter(({ attemptId }) => attemptId === attempt.attemptId)).toMatchObject([
      { kind: 'webhook-amount-differs', objectId: id, details: { ours: 9_000, theirs: 1 } },
    ]);
  });
});

describe('a webhook that may be from anybody', () => {
  const refused = async (payload: string, signature: string | undefined, detail: string) => {
    const answer = await post(payload, signature);
    expect(answer.json()).toMatchObject({ status: 400, code: 'invalid-signature', detail });
    const { id } = JSON.parse(payload || '{"id":"none"}') as { id: string };
    expect(await rig.database.query('SELECT FROM payments.inbox WHERE provider_event_id = $1', [id])).toEqual([]);
  };
  const NO_FIT = 'The signature does not fit these bytes, or there is none.';

  it('is refused without a signature', async () => {
    await refused(JSON.stringify(eventOf({})), undefined, NO_FIT);
    await refused(JSON.stringify(eventOf({})), 'nonsense', NO_FIT);
  });

  it('is refused when signed with another secret', async () => {
    const payload = JSON.stringify(eventOf({}));
    await refused(payload, signed(payload, { secret: 'whsec_of_somebody' }), NO_FIT);
  });

  it('is refused when the same JSON is written otherwise', async () => {
    const event = eventOf({});
    await refused(JSON.stringify(event, null, 1), signed(JSON.stringify(event)), NO_FIT);
  });

  it('is refused when its signature is older than the tolerance', async () => {
    const payload = JSON.stringify(eventOf({}));
    await refused(payload, signed(payload, { ageSeconds: 301 }), 'The signature is too old.');
  });

  it('is refused without a body', async () => {
    await refused('', signed('x'), NO_FIT);
  });

  it('is refused when it is larger than an event can be', async () => {
    const payload = JSON.stringify({ ...eventOf({}), more: 'x'.repeat(BODY_TOO_LARGE) });
    expect((await post(payload, signed(payload))).statusCode).toBe(413);
  });
});

describe('a webhook that is the provider’s, and absurd', () => {
  /** What the metrics say was made of webhooks so far. */
  const counted = async (verdict: string) => {
    const { body } = await app.inject('/metrics');
    const line = new RegExp(`holdfast_provider_webhooks_received_total{[^}]*verdict="${verdict}"[^}]*} (\\d+)`);
    return Number(line.exec(body)?.[1] ?? 0);
  };
  const inboxSize = async () => (await rig.database.query('SELECT FROM payments.inbox')).length;

  /** Posts a signed body: it is refused as malformed, with the paths of its faults, counted once, and nothing is done. */
  const malformed = async (payload: string, paths: string[]) => {
    const [before, stored] = [await counted('malformed'), await inboxSize()];
    const answer = await post(payload, signed(payload));
    expect(answer.headers['content-type']).toContain('application/problem+json');
    const body = answer.json<{ errors: { path: string; message: string }[] }>();
    expect(body).toMatchObject({ status: 400, code: 'malformed-request' });
    expect([...new Set(body.errors.map(({ path }) => path))]).toEqual(paths);
    expect(await counted('malformed')).toBe(before + 1);
    expect(await inboxSize()).toBe(stored);
  };

  const event = eventOf({});
  const withObject = (changes: object) => ({ ...event, data: { object: { ...event.data.object, ...changes } } });

  it.each<[what: string, event: unknown, paths: string[]]>([
    ['no event at all', { id: 'none', hello: 'world' }, ['type']],
    ['nothing', null, ['type']],
    ['a number', 5, ['type']],
    ['a type that is no text', { ...event, type: 5 }, ['type']],
    ['no id', { ...event, id: undefined }, ['id']],
    ['an id of another shape', { ...event, id: '../../v1/refunds' }, ['id']],
    ['an id with a NUL', { ...event, id: 'evt_\u0000' }, ['id']],
    ['an id that is too long', { ...event, id: 'e'.repeat(256) }, ['id']],
    ['a time that is no number', { ...event, created: 'yesterday' }, ['created']],
    ['a time beyond all calendars', { ...event, created: Number.MAX_SAFE_INTEGER }, ['created']],
    ['no data', { ...event, data: undefined }, ['data']],
    ['data that is a list', { ...event, data: [] }, ['data']],
    ['no object', { ...event, data: {} }, ['data.object']],
    ['an object that is text', { ...event, data: { object: 'pi_1' } }, ['data.object']],
    ['an object of another kind', withObject({ object: 'refund' }), ['data.object.object']],
    ['an object without an id', withObject({ id: null }), ['data.object.id']],
    ['an object with an id of another shape', withObject({ id: 'pi_1/confirm' }), ['data.object.id']],
    ['an object with an id that is an object', withObject({ id: {} }), ['data.object.id']],
    ['no amount', withObject({ amount: undefined }), ['data.object.amount']],
    ['a negative amount', withObject({ amount: -1 }), ['data.object.amount']],
    ['a part of a cent', withObject({ amount: 0.5 }), ['data.object.amount']],
    ['an amount in text', withObject({ amount: '9000' }), ['data.object.amount']],
    ['an amount that is not exact', withObject({ amount: 1e30 }), ['data.object.amount']],
    ['a currency that is a number', withObject({ currency: 978 }), ['data.object.currency']],
    ['an unknown currency', withObject({ currency: 'zzz' }), ['data.object.currency']],
    ['metadata that is text', withObject({ metadata: 'attempt' }), ['data.object.metadata']],
    [
      'a refund of no intent there could be',
      { ...withObject({ object: 'refund', id: 're_1', payment_intent: 5 }), type: 'refund.updated' },
      ['data.object.payment_intent'],
    ],
    ['several faults', withObject({ id: 5, amount: -1, currency: '' }), ['id', 'amount', 'currency'].map(inObject)],
  ])('is refused when it has %s, and has done nothing', async (_what, absurd, paths) =>
    malformed(JSON.stringify(absurd), paths),
  );

  it('is refused when it is no JSON, an amount without end, or nested beyond reading', async () => {
    await malformed('{', ['type']);
    await malformed(JSON.stringify(event).replace('9000', '1e400'), ['data.object.amount']);
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    await malformed(JSON.stringify(withObject({ metadata: 'HERE' })).replace('"HERE"', deep), ['']);
  });

  it.each([
    ['in its usual shape', { data: { object: { object: 'customer', id: 'cus_1' } } }],
    ['without data', {}],
    ['with an object that is nothing', { data: { object: null } }],
    ['with an id of another shape', { id: '\u0000' }],
    ['with an absurd time', { created: -1e300 }],
    ['with a member named constructor', { data: { object: { metadata: { constructor: 'x' } } } }],
  ])('is answered and ignored when its type is unknown, %s', async (_what, changes) => {
    const before = await counted('unknown-type');
    const payload = JSON.stringify({ id: `evt_${newHex()}`, type: 'customer.created', created: 1, ...changes });
    expect((await post(payload, signed(payload))).statusCode).toBe(204);
    expect(await counted('unknown-type')).toBe(before + 1);
  });

  it.each([
    ['a dispute', 'charge.dispute.created'],
    ['half a type', 'payment_intent'],
    ['a longer word', 'payment_intents.created'],
    ['with a NUL', 'a\u0000type'],
    ['too long', 'x'.repeat(300)],
  ])('is of no type that is known: %s', async (_what, type) =>
    expect((await tell({ type, object: { amount: 'none' } })).statusCode).toBe(204),
  );

  it('is taken by what it says, whatever names its metadata have', async () => {
    const { intent } = await waitingForPayer();
    const metadata = { constructor: 'x', toString: 'y' };
    expect((await tell({ object: { ...intent, metadata } })).statusCode).toBe(204);
    expect(await inboxOf(intent.id)).toMatchObject([{ verdict: 'hint' }]);
  });

  it('moves nothing by a huge amount, which is a break as any other that differs', async () => {
    const { attempt, intent } = await waitingForPayer();
    expect((await tell({ object: { ...intent, amount: Number.MAX_SAFE_INTEGER } })).statusCode).toBe(204);
    expect(await inboxOf(intent.id)).toMatchObject([{ verdict: 'doubtful' }]);
    expect(await rig.world().attempts.reread(attempt)).toMatchObject({ state: 'requires-action' });
  });
});

describe('while a secret is replaced', () => {
  it('both are taken', async () => {
    for (const secret of [SECRET, NEXT_SECRET]) {
      const payload = JSON.stringify(eventOf({}));
      expect((await post(payload, signed(payload, { secret }))).statusCode).toBe(204);
    }
  });
});

describe('without Postgres', () => {
  it('a webhook is not acknowledged, so that it comes again', async () => {
    const alone = await start({ postgresUrl: NOWHERE });
    const payload = JSON.stringify(eventOf({}));
    expect((await post(payload, signed(payload), alone)).statusCode).toBe(503);
  });
});
