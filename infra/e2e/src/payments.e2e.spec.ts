import { randomUUID } from 'node:crypto';
import type { HoldBody, PaymentBody } from '@holdfast/contracts';
import { eventually } from '@holdfast/testing';
import { expectProblem, request, type Answer, type Call } from './api';
import { buyers, itWithBuyers, itWithProviderBooks } from './people';
import { booksOf } from './provider-books';
import { PRICE_MINOR, Sale } from './sale';

const GOOD_CARD = 'pm_card_visa';
const EMPTY_CARD = 'pm_card_chargeDeclinedInsufficientFunds';
const CAREFUL_CARD = 'pm_card_authenticationRequired';

function pay(
  token: string,
  { eventId, holdId }: Pick<HoldBody, 'eventId' | 'holdId'>,
  paymentMethod: string,
  { body, ...call }: Call = {},
): Promise<Answer<PaymentBody>> {
  return request('POST', '/v1/payments', {
    token,
    body: { eventId, holdId, paymentMethod, ...(body as object | undefined) },
    ...call,
  });
}

describe('a payment', () => {
  itWithProviderBooks('books the seats and takes their price, once', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const seats = sale.seatIds.slice(0, 2);
    const hold = await sale.held(buyer, seats);
    const paid = await pay(buyer, hold, GOOD_CARD, { body: { version: hold.version } });
    expect(paid).toMatchObject({
      status: 201,
      body: { holdId: hold.holdId, state: 'captured', amountMinor: 2 * PRICE_MINOR, currency: 'EUR' },
    });
    expect((await sale.readHold(buyer, hold.holdId)).body.state).toBe('booked');
    expect((await sale.states(...seats)).states).toBe('BB');
    expect((await sale.read()).counts).toMatchObject({ booked: 2, held: 0 });
    expect(await booksOf(hold.holdId)).toEqual([{ status: 'succeeded', taken: 2 * PRICE_MINOR }]);
    const { body } = await sale.history(buyer, hold.holdId);
    expect(body.entries.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['held', 'booked']));
    const read = await request<PaymentBody>('GET', `/v1/payments/${paid.body.paymentId}`, { token: buyer });
    expect(read.body).toMatchObject({ paymentId: paid.body.paymentId, state: 'captured' });
  });

  itWithBuyers(2)('leaves seats that no one else can take, and no way back for their buyer', async () => {
    const sale = await Sale.open();
    const [buyer = '', other = ''] = await buyers(2);
    const [seat = ''] = sale.seatIds;
    const hold = await sale.held(buyer, [seat]);
    expect((await pay(buyer, hold, GOOD_CARD)).status).toBe(201);
    const taken = { seats: [{ seatId: seat, state: 'booked', heldByYou: false }] };
    expectProblem(await sale.hold(other, [seat]), 409, 'seats-taken', taken);
    expectProblem(await sale.release(buyer, hold.holdId), 410, 'hold-ended', { state: 'booked' });
    expectProblem(await sale.extend(buyer, hold.holdId, { seconds: 5 }), 410, 'hold-ended');
    expectProblem(await pay(buyer, hold, GOOD_CARD), 410, 'hold-ended');
  });

  itWithProviderBooks('repeated with its key is the same payment, and with another body is refused', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const hold = await sale.held(buyer, sale.seatIds.slice(0, 1));
    const key = randomUUID();
    const first = await pay(buyer, hold, GOOD_CARD, { key });
    const second = await pay(buyer, hold, GOOD_CARD, { key });
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(second).toMatchObject({ status: 201, body: { paymentId: first.body.paymentId, state: 'captured' } });
    expectProblem(await pay(buyer, hold, EMPTY_CARD, { key }), 422, 'idempotency-key-reused');
    expect(await booksOf(hold.holdId)).toEqual([{ status: 'succeeded', taken: PRICE_MINOR }]);
  });

  itWithProviderBooks('with a declined card charges nothing and leaves the hold; another card pays it', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const hold = await sale.held(buyer, sale.seatIds.slice(0, 1));
    const declined = await pay(buyer, hold, EMPTY_CARD);
    expectProblem(declined, 402, 'card-declined', { reason: 'insufficient-funds' });
    expect((await sale.readHold(buyer, hold.holdId)).body.state).toBe('held');
    expect((await pay(buyer, hold, GOOD_CARD)).status).toBe(201);
    const books = await booksOf(hold.holdId);
    expect(books.map(({ taken }) => taken).sort()).toEqual([0, PRICE_MINOR]);
  });

  itWithProviderBooks('that comes late is told since when, and is not charged', async () => {
    const sale = await Sale.open({ holdSeconds: 1, payGraceSeconds: 0 });
    const [buyer = '', next = ''] = await buyers(2);
    const [seat = ''] = sale.seatIds;
    const hold = await sale.held(buyer, [seat]);
    await eventually(async () => {
      const { serverTime } = await sale.states(seat);
      return serverTime >= hold.expiresAt;
    });
    expectProblem(await pay(buyer, hold, GOOD_CARD), 410, 'hold-expired', { expiredAt: hold.expiresAt });
    await sale.held(next, [seat]);
    expectProblem(await pay(buyer, hold, GOOD_CARD), 410, 'hold-expired');
    expect(
      (await booksOf(hold.holdId)).filter(({ taken, status }) => taken > 0 || status === 'requires_capture'),
    ).toEqual([]);
  });

  itWithProviderBooks('that asks for 3-D Secure waits for the payer, and goes on by itself', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const hold = await sale.held(buyer, sale.seatIds.slice(0, 1));
    const asked = await pay(buyer, hold, CAREFUL_CARD);
    expect(asked).toMatchObject({ status: 202, body: { state: 'requires-action' } });
    expect((await booksOf(hold.holdId))[0]).toMatchObject({ taken: 0 });
    expectProblem(await pay(buyer, hold, GOOD_CARD), 409, 'payment-in-progress');
    expectProblem(await sale.extend(buyer, hold.holdId, { seconds: 900 }), 409, 'payment-in-progress');

    const page = asked.body.nextAction?.url ?? '';
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await fetch(page, { method: 'POST', headers: form, body: 'outcome=succeeded' })).status).toBe(200);
    await eventually(async () => {
      const { body } = await request<PaymentBody>('GET', `/v1/payments/${asked.body.paymentId}`, { token: buyer });
      return body.state === 'captured';
    });
    expect((await sale.readHold(buyer, hold.holdId)).body.state).toBe('booked');
    expect(await booksOf(hold.holdId)).toEqual([{ status: 'succeeded', taken: PRICE_MINOR }]);
  });

  itWithBuyers(2)("of somebody else's hold is as unknown as the hold", async () => {
    const sale = await Sale.open();
    const [owner = '', stranger = ''] = await buyers(2);
    const hold = await sale.held(owner, sale.seatIds.slice(0, 1));
    expectProblem(await pay(stranger, hold, GOOD_CARD), 404, 'unknown-hold');
    expectProblem(await pay(owner, { ...hold, holdId: randomUUID() }, GOOD_CARD), 404, 'unknown-hold');
    const paid = await pay(owner, hold, GOOD_CARD);
    const read = await request('GET', `/v1/payments/${paid.body.paymentId}`, { token: stranger });
    expectProblem(read, 404, 'unknown-payment');
  });

  itWithBuyers(1)('under a version that has passed is refused, and changes nothing', async () => {
    const sale = await Sale.open({ holdSeconds: 60, extensionsMax: 1, holdSecondsMax: 600 });
    const [buyer = ''] = await buyers(1);
    const hold = await sale.held(buyer, sale.seatIds.slice(0, 1));
    const { version } = (await sale.extend(buyer, hold.holdId, { seconds: 120 })).body;
    const stale = await pay(buyer, hold, GOOD_CARD, { body: { version: hold.version } });
    expectProblem(stale, 409, 'stale-version');
    expect((await pay(buyer, hold, GOOD_CARD, { body: { version } })).status).toBe(201);
  });

  itWithProviderBooks('raced by its own buyer takes the price once', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const hold = await sale.held(buyer, sale.seatIds.slice(0, 1));
    const answers = await Promise.all(Array.from({ length: 8 }, () => pay(buyer, hold, GOOD_CARD)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { status } of answers) expect([201, 409, 410]).toContain(status);
    const taken = (await booksOf(hold.holdId)).map((intent) => intent.taken);
    expect(taken.reduce((sum, amount) => sum + amount, 0)).toBe(PRICE_MINOR);
  });
});
