import { createHttpApp } from '@holdfast/http';
import { eventually, mintToken } from '@holdfast/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { v7 as newId } from 'uuid';
import { recordBreak } from './breaks';
import { PaymentConfig } from './payment-config';
import { PaymentRig, TIMES, type HeldSeats } from './payment-rig.spec';
import { paymentService } from './payment-service';

const SECRET = 'a secret of at least thirty-two characters';
const ANSWER_MS = 400;
const NOWHERE = 'amqp://guest:guest@127.0.0.1:1';

let rig: PaymentRig;
let app: NestFastifyApplication;

const running = new Set<NestFastifyApplication>();

const start = async (changes: Partial<PaymentConfig> = {}) => {
  const started = await createHttpApp(
    paymentService(
      Object.assign(new PaymentConfig(), {
        ...TIMES,
        jwtSecret: SECRET,
        logLevel: 'silent',
        postgresUrl: rig.postgresUrl,
        rabbitmqUrl: rig.rabbitmqUrl,
        stripeApiUrl: rig.sandbox.url,
        stripeTimeoutMs: 2_000,
        answerMs: ANSWER_MS,
        completerMs: 20,
        ...changes,
      }),
    ),
  );
  running.add(started);
  return started;
};

const stop = async (started: NestFastifyApplication) => {
  running.delete(started);
  await started.close();
};

beforeAll(async () => {
  rig = await PaymentRig.open();
  app = await start({ answerMs: 10_000 });
});

afterAll(async () => {
  await Promise.all([...running].map(stop));
  await rig.close();
});

const bearer = async (subject: string, roles = ['buyer']) => `Bearer ${await mintToken(SECRET, subject, roles)}`;

interface Asked {
  buyerId?: string;
  key?: string;
  body?: object;
  paymentMethod?: string;
  on?: NestFastifyApplication;
}

const pay = async (held: HeldSeats, asked: Asked = {}) =>
  (asked.on ?? app).inject({
    method: 'POST',
    url: '/v1/payments',
    headers: { authorization: await bearer(asked.buyerId ?? held.buyerId), 'idempotency-key': asked.key ?? newId() },
    payload: {
      eventId: held.eventId,
      holdId: held.holdId,
      paymentMethod: asked.paymentMethod ?? 'pm_card_visa',
      ...asked.body,
    },
  });

const refund = async (
  paymentId: string,
  held: HeldSeats,
  body: object = {},
  { as = held.buyerId, roles = ['buyer'], key = newId(), on = app } = {},
) =>
  on.inject({
    method: 'POST',
    url: `/v1/payments/${paymentId}/refunds`,
    headers: { authorization: await bearer(as, roles), 'idempotency-key': key },
    payload: body,
  });

const read = async (paymentId: string, buyerId: string, on = app) =>
  on.inject({ url: `/v1/payments/${paymentId}`, headers: { authorization: await bearer(buyerId) } });

type Answer = Awaited<ReturnType<typeof pay>>;

const paymentIdOf = (answer: Answer) => answer.json<{ paymentId: string }>().paymentId;

const booksOf = (held: HeldSeats, answer: Answer) => rig.booksOf(held, { attemptId: paymentIdOf(answer) });

const attemptsOf = async ({ holdId }: HeldSeats) =>
  rig.database.query('SELECT state FROM payments.attempts WHERE hold_id = $1', [holdId]);

const intentsOf = ({ holdId }: HeldSeats) =>
  [...rig.sandbox.books.intents.values()].filter((intent) => intent.metadata.holdId === holdId);

/** Its answer once it is captured. */
const captured = (paymentId: string, buyerId: string, on = app): Promise<Answer> =>
  eventually(async () => {
    const answer = await read(paymentId, buyerId, on);
    return answer.json<{ state: string }>().state === 'captured' && answer;
  });

describe('POST /v1/payments', () => {
  it('charges the price of the seats and gives them for good', async () => {
    const held = await rig.holdSeats();
    const answer = await pay(held);
    expect(answer.json()).toMatchObject({
      state: 'captured',
      holdId: held.holdId,
      amountMinor: 9_000,
      currency: 'EUR',
      seatIds: held.seatIds,
    });
    expect(answer.statusCode).toBe(201);
    expect(await booksOf(held, answer)).toEqual({ chargedMinor: 9_000, booked: true, open: [] });
  });

  it('answers a declined card with 402, and the hold can be paid with another card', async () => {
    const held = await rig.holdSeats();
    const declined = await pay(held, { paymentMethod: 'pm_card_chargeDeclinedInsufficientFunds' });
    expect(declined.json()).toMatchObject({ status: 402, code: 'card-declined', reason: 'insufficient-funds' });
    expect((await pay(held)).statusCode).toBe(201);
  });

  it('answers 410 for a hold that ran out, and charges nothing', async () => {
    const held = await rig.holdSeats();
    await rig.runOut(held);
    const answer = await pay(held);
    expect(answer.json()).toMatchObject({ status: 410, code: 'hold-expired' });
    expect(answer.json<{ expiredAt: string }>().expiredAt).toMatch(/Z$/);
    expect(intentsOf(held)).toEqual([]);
  });

  it('answers 410 for a hold that is paid already', async () => {
    const held = await rig.holdSeats();
    await pay(held);
    expect((await pay(held)).json()).toMatchObject({ status: 410, code: 'hold-ended' });
  });

  it('answers 404 for a foreign and for an unknown hold alike', async () => {
    const held = await rig.holdSeats();
    expect((await pay(held, { buyerId: 'stranger' })).json()).toMatchObject({ status: 404, code: 'unknown-hold' });
    expect((await pay({ ...held, holdId: newId() })).json()).toMatchObject({ status: 404, code: 'unknown-hold' });
    expect((await pay({ ...held, eventId: newId() })).json()).toMatchObject({ status: 404, code: 'unknown-hold' });
    expect(intentsOf(held)).toEqual([]);
  });

  it('refuses a stale version with 409, and the key may be used again with the present one', async () => {
    const held = await rig.holdSeats();
    const key = newId();
    const stale = await pay(held, { key, body: { version: 7 } });
    expect(stale.json()).toMatchObject({ status: 409, code: 'stale-version' });
    expect((await pay(held, { key, body: { version: 1 } })).statusCode).toBe(201);
  });

  it.each([
    ['an amount', { amount: 1 }, 'amount'],
    ['a currency', { currency: 'USD' }, 'currency'],
    ['amountMinor', { amountMinor: 1 }, 'amountMinor'],
    ['no hold', { holdId: undefined }, 'holdId'],
    ['a hold that is no id', { holdId: 'x' }, 'holdId'],
    ['a version that is no number', { version: '1' }, 'version'],
    ['a card number', { paymentMethod: '4242424242424242' }, 'paymentMethod'],
  ])('refuses %s with 422', async (_what, body, path) => {
    const held = await rig.holdSeats();
    const answer = await pay(held, { body });
    expect(answer.json()).toMatchObject({ status: 422, code: 'validation-failed' });
    expect(answer.json<{ errors: object[] }>().errors[0]).toMatchObject({ path });
    expect(await attemptsOf(held)).toEqual([]);
  });

  it('refuses a payment method that the provider does not know with 422, and the hold lives on', async () => {
    const held = await rig.holdSeats();
    const answer = await pay(held, { paymentMethod: 'pm_none' });
    expect(answer.json()).toMatchObject({ code: 'validation-failed', errors: [{ path: 'paymentMethod' }] });
    expect((await pay(held)).statusCode).toBe(201);
  });

  it('needs a token and a key', async () => {
    const held = await rig.holdSeats();
    const payload = { eventId: held.eventId, holdId: held.holdId, paymentMethod: 'pm_card_visa' };
    expect((await app.inject({ method: 'POST', url: '/v1/payments', payload })).statusCode).toBe(401);
    const headers = { authorization: await bearer(held.buyerId) };
    expect((await app.inject({ method: 'POST', url: '/v1/payments', payload, headers })).json()).toMatchObject({
      code: 'idempotency-key-required',
    });
  });
});

describe('the same key', () => {
  it('gets the same answer, marked, and charges once', async () => {
    const held = await rig.holdSeats();
    const key = newId();
    const first = await pay(held, { key });
    const second = await pay(held, { key });
    expect(second.statusCode).toBe(201);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(second.json()).toEqual({ ...first.json<object>(), serverTime: expect.any(String) as string });
    expect(intentsOf(held)).toHaveLength(1);
  });

  it('gets the same refusal by the card', async () => {
    const held = await rig.holdSeats();
    const key = newId();
    const asked = { key, paymentMethod: 'pm_card_chargeDeclined' };
    const first = await pay(held, asked);
    expect((await pay(held, asked)).json()).toEqual(first.json());
    expect(intentsOf(held)).toHaveLength(1);
  });

  it('is refused with another body', async () => {
    const held = await rig.holdSeats();
    const key = newId();
    await pay(held, { key });
    expect((await pay(held, { key, paymentMethod: 'pm_card_mastercard' })).json()).toMatchObject({
      status: 422,
      code: 'idempotency-key-reused',
    });
  });

  it('is told that the first request is running', async () => {
    const held = await rig.holdSeats();
    const asked = { key: newId(), paymentMethod: 'pm_sandbox_slow_300' };
    const answers = await Promise.all([pay(held, asked), pay(held, asked)]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 409]);
    expect(answers.find(({ statusCode }) => statusCode === 409)?.json()).toMatchObject({ code: 'request-in-progress' });
  });
});

describe('two payments of one hold', () => {
  it('end with one charge', async () => {
    const held = await rig.holdSeats();
    const answers = await Promise.all(Array.from({ length: 10 }, () => pay(held)));
    const won = answers.filter(({ statusCode }) => statusCode === 201);
    const codes = answers
      .filter(({ statusCode }) => statusCode !== 201)
      .map((each) => each.json<{ code: string }>().code);
    expect(won).toHaveLength(1);
    expect(codes.filter((code) => code !== 'payment-in-progress' && code !== 'hold-ended')).toEqual([]);
    const charged = intentsOf(held).filter(({ status }) => status === 'succeeded');
    expect(charged).toHaveLength(1);
  });

  it('do not let a stranger keep the owner from paying', async () => {
    const held = await rig.holdSeats();
    const [stranger, owner] = await Promise.all([pay(held, { buyerId: 'stranger' }), pay(held)]);
    expect([stranger.statusCode, owner.statusCode]).toEqual([404, 201]);
  });
});

describe('a payment that waits for its payer', () => {
  it('says what to do, and is captured when that is done', async () => {
    const held = await rig.holdSeats();
    const asked = { key: newId(), paymentMethod: 'pm_card_authenticationRequired' };
    const waiting = await pay(held, asked);
    expect(waiting.statusCode).toBe(202);
    expect(waiting.json()).toMatchObject({
      state: 'requires-action',
      nextAction: { clientSecret: expect.stringContaining('_secret_') as string },
    });
    const { url } = waiting.json<{ nextAction: { url: string } }>().nextAction;
    await fetch(url, { method: 'POST', body: new URLSearchParams({ outcome: 'succeeded' }) });

    const done = await captured(paymentIdOf(waiting), held.buyerId);
    expect(done.json()).toMatchObject({ holdId: held.holdId });
    expect((await pay(held, asked)).statusCode).toBe(201);
  });
});

describe('GET /v1/payments/:id', () => {
  it('is for the payer alone', async () => {
    const held = await rig.holdSeats();
    const paid = await pay(held);
    expect((await read(paymentIdOf(paid), held.buyerId)).json()).toMatchObject({ state: 'captured' });
    expect((await read(paymentIdOf(paid), 'stranger')).json()).toMatchObject({ code: 'unknown-payment' });
    expect((await read('x', held.buyerId)).json()).toMatchObject({ status: 404, code: 'unknown-payment' });
  });
});

describe('POST /v1/payments/:id/refunds', () => {
  const paid = async () => {
    const held = await rig.holdSeats();
    const answer = await pay(held);
    return { held, answer, paymentId: paymentIdOf(answer), seats: held.seatIds };
  };

  it('gives one seat back and its price, and the payment says where each seat stands', async () => {
    const { held, answer, paymentId, seats } = await paid();
    const refunded = await refund(paymentId, held, { seats: [seats[0]] });
    expect(refunded.statusCode).toBe(201);
    expect(refunded.json()).toMatchObject({ state: 'refunded', amountMinor: 4_500, seatIds: [seats[0]] });
    expect((await booksOf(held, answer)).chargedMinor).toBe(4_500);
    expect((await read(paymentId, held.buyerId)).json()).toMatchObject({
      state: 'captured',
      refundedMinor: 4_500,
      seats: [
        { seatId: seats[0], priceMinor: 4_500, state: 'refunded' },
        { seatId: seats[1], priceMinor: 4_500, state: 'booked' },
      ],
      refunds: [{ state: 'refunded' }],
    });
  });

  it('gives back all that is left when no seats are named', async () => {
    const { held, answer, paymentId, seats } = await paid();
    await refund(paymentId, held, { seats: [seats[0]] });
    expect((await refund(paymentId, held)).json()).toMatchObject({ seatIds: [seats[1]], amountMinor: 4_500 });
    expect(await booksOf(held, answer)).toMatchObject({ chargedMinor: 0, booked: false });
    expect((await refund(paymentId, held)).json()).toMatchObject({ status: 409, code: 'seats-refunded' });
  });

  it('repeated with its key is the same refund, and with another body is refused', async () => {
    const { held, answer, paymentId, seats } = await paid();
    const key = newId();
    const first = await refund(paymentId, held, { seats: [seats[0]] }, { key });
    const second = await refund(paymentId, held, { seats: [seats[0]] }, { key });
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(second.json<{ refundId: string }>().refundId).toBe(first.json<{ refundId: string }>().refundId);
    expect((await refund(paymentId, held, {}, { key })).json()).toMatchObject({ code: 'idempotency-key-reused' });
    expect((await booksOf(held, answer)).chargedMinor).toBe(4_500);
  });

  it('refuses foreign, repeated and refunded seats, an amount, and more than was paid', async () => {
    const { held, answer, paymentId, seats } = await paid();
    const other = await paid();
    const refusals = [
      [{ seats: other.seats }, 422, 'unknown-seats'],
      [{ seats: [seats[0], seats[0]] }, 422, 'duplicate-seats'],
      [{ seats: [] }, 422, 'validation-failed'],
      // Absent it would be all of them.
      [{ seats: null }, 422, 'validation-failed'],
      [{ seats: [seats[0]], amountMinor: 1_000_000 }, 422, 'validation-failed'],
    ] as const;
    for (const [body, status, code] of refusals) {
      expect((await refund(paymentId, held, body)).json()).toMatchObject({ status, code });
    }
    expect(await booksOf(held, answer)).toMatchObject({ chargedMinor: 9_000, booked: true });
  });

  it('is for the payer and for services', async () => {
    const { held, paymentId, seats } = await paid();
    const unknown = { status: 404, code: 'unknown-payment' };
    expect((await refund(paymentId, held, {}, { as: 'stranger' })).json()).toMatchObject(unknown);
    expect((await refund(newId(), held)).json()).toMatchObject(unknown);
    expect((await refund('x', held)).json()).toMatchObject(unknown);
    expect((await refund(paymentId, held, {}, { roles: ['organiser'] })).statusCode).toBe(403);
    const byService = await refund(paymentId, held, { seats: [seats[0]] }, { as: 'back-office', roles: ['service'] });
    expect(byService.statusCode).toBe(201);
    const strict = await start({ refundsByBuyers: false });
    expect((await refund(paymentId, held, {}, { on: strict })).json()).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
  });

  it('refuses a payment that was not captured', async () => {
    const held = await rig.holdSeats();
    const declined = await pay(held, { paymentMethod: 'pm_card_chargeDeclined' });
    const paymentId = declined.json<{ paymentId: string }>().paymentId;
    expect((await refund(paymentId, held)).json()).toMatchObject({ status: 409, code: 'payment-not-captured' });
  });
});

describe('an answer that takes too long', () => {
  it('is pending, goes on, and is replayed as what it became', async () => {
    const impatient = await start();
    const held = await rig.holdSeats();
    const asked = { key: newId(), paymentMethod: 'pm_sandbox_slow_900', on: impatient };
    const pending = await pay(held, asked);
    expect(pending.statusCode).toBe(202);
    expect(pending.json()).toMatchObject({ state: 'pending' });
    expect((await pay(held, asked)).json()).toMatchObject({ state: 'pending' });
    await captured(paymentIdOf(pending), held.buyerId);
    expect((await pay(held, asked)).statusCode).toBe(201);
  });

  it('is finished by another instance when this one stops', async () => {
    const impatient = await start({ stripeTimeoutMs: 200 });
    const held = await rig.holdSeats();
    const pending = await pay(held, { paymentMethod: 'pm_sandbox_slow_1500', on: impatient });
    expect(pending.json()).toMatchObject({ state: 'pending' });
    await stop(impatient);
    const done = await captured(paymentIdOf(pending), held.buyerId);
    expect(await booksOf(held, done)).toEqual({ chargedMinor: 9_000, booked: true, open: [] });
  });
});

describe('a provider that hangs', () => {
  it('holds no connection to Postgres, and a bounded number of payments and refunds', async () => {
    const before = await rig.holdSeats();
    const paid = await pay(before);
    const narrow = await start({ postgresConnectionsMax: 1, inHandMax: 2, answerMs: 1_500 });
    const [first, second, third] = [await rig.holdSeats(), await rig.holdSeats(), await rig.holdSeats()];
    const hanging = [first, second].map((held) => pay(held, { on: narrow, paymentMethod: 'pm_sandbox_slow_1800' }));
    for (const held of [first, second]) await eventually(() => intentsOf(held).length > 0);
    // The one connection is free while both wait for the provider.
    expect((await read(paymentIdOf(paid), before.buyerId, narrow)).statusCode).toBe(200);
    const refused = await pay(third, { on: narrow });
    expect(refused.json()).toMatchObject({ status: 503, code: 'overloaded' });
    expect(refused.headers['retry-after']).toBeDefined();
    expect(await attemptsOf(third)).toEqual([]);
    const refusedRefund = await refund(paymentIdOf(paid), before, {}, { on: narrow });
    expect(refusedRefund.json()).toMatchObject({ status: 503, code: 'overloaded' });
    expect((await read(paymentIdOf(paid), before.buyerId, narrow)).json()).toMatchObject({ refunds: [] });
    const [answer] = await Promise.all(hanging);
    if (!answer) throw new Error('no answer');
    await captured(paymentIdOf(answer), first.buyerId, narrow);
  });
});

describe('without RabbitMQ', () => {
  it('a new payment is refused before the provider hears of it', async () => {
    const alone = await start({ rabbitmqUrl: NOWHERE });
    const held = await rig.holdSeats();
    const answer = await pay(held, { on: alone });
    expect(answer.json()).toMatchObject({ status: 503, code: 'unavailable' });
    expect(answer.headers['retry-after']).toBeDefined();
    expect(await attemptsOf(held)).toEqual([]);
    expect(intentsOf(held)).toEqual([]);
  });

  it('payments can still be read', async () => {
    const held = await rig.holdSeats();
    const paid = await pay(held);
    const alone = await start({ rabbitmqUrl: NOWHERE });
    expect((await read(paymentIdOf(paid), held.buyerId, alone)).json()).toMatchObject({ state: 'captured' });
  });
});

it('tells of open breaks and of what has no end yet, also while the provider is away', async () => {
  await recordBreak(rig.database, { kind: 'refund-failed', objectId: newId(), details: {} });
  await pay(await rig.holdSeats(), { paymentMethod: 'pm_card_authenticationRequired' });
  const paid = await rig.holdSeats();
  await refund(paymentIdOf(await pay(paid)), paid);
  await rig.database.query(
    "UPDATE payments.attempts SET created_at = created_at - interval '1 h' WHERE state = 'requires-action'",
  );
  await rig.database.query(
    "UPDATE payments.refunds SET state = 'refunding', ended_at = NULL, created_at = created_at - interval '2 h', " +
      "next_at = next_at + interval '1 h' WHERE hold_id = $1",
    [paid.holdId],
  );

  const lonely = await start({ stripeApiUrl: 'http://127.0.0.1:1' });
  const figures = async () => (await lonely.inject('/metrics')).body;
  await eventually(async () => (await figures()).includes('kind="refund-failed"'));
  expect(await figures()).toMatch(/payment_breaks_open{.*kind="refund-failed".*} [1-9]/);
  expect(await figures()).toMatch(/unfinished_payment_seconds{.*state="requires-action".*} 36\d\d/);
  expect(await figures()).toMatch(/unfinished_refund_seconds{.*state="refunding".*} 72\d\d/);
  expect(await figures()).not.toMatch(/unfinished_payment_seconds{.*state="captured"/);
  await stop(lonely);
});
