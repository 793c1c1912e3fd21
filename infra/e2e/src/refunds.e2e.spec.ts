import { randomUUID } from 'node:crypto';
import type { PaymentBody, RefundBody } from '@holdfast/contracts';
import { eventually } from '@holdfast/testing';
import { expectProblem, request, type Call } from './api';
import { buyers, itWithBuyers, itWithProviderBooks } from './people';
import { booksOf } from './provider-books';
import { PRICE_MINOR, Sale } from './sale';

const GOOD_CARD = 'pm_card_visa';
/** Sets the money aside after the hold of this suite has run out. */
const SLOW_CARD = 'pm_sandbox_slow_3000';
/** Cannot set money aside. */
const CHARGED_AT_ONCE = 'pm_sandbox_automatic';

/** Takes a refund at first; the bank sends it back a moment later. */
const REFUND_BOUNCES = 'pm_card_refundFail';

const pay = (token: string, hold: { eventId: string; holdId: string }, paymentMethod: string) =>
  request<PaymentBody>('POST', '/v1/payments', {
    token,
    body: { eventId: hold.eventId, holdId: hold.holdId, paymentMethod },
  });

const refund = (token: string, paymentId: string, body: object = {}, call: Call = {}) =>
  request<RefundBody>('POST', `/v1/payments/${paymentId}/refunds`, { token, body, ...call });

const read = async (token: string, paymentId: string): Promise<PaymentBody> =>
  (await request<PaymentBody>('GET', `/v1/payments/${paymentId}`, { token })).body;

describe('a refund', () => {
  itWithBuyers(2)('puts one seat back on sale and returns its price, and somebody else can have it', async () => {
    const sale = await Sale.open();
    const [buyer = '', other = ''] = await buyers(2);
    const [first = '', second = ''] = sale.seatIds;
    const paid = await pay(buyer, await sale.held(buyer, [first, second]), GOOD_CARD);
    expectProblem(await refund(other, paid.body.paymentId), 404, 'unknown-payment');

    const key = randomUUID();
    const refunded = await refund(buyer, paid.body.paymentId, { seats: [first] }, { key });
    expect(refunded).toMatchObject({ status: 201, body: { state: 'refunded', amountMinor: PRICE_MINOR } });
    const again = await refund(buyer, paid.body.paymentId, { seats: [first] }, { key });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body.refundId).toBe(refunded.body.refundId);

    expect((await sale.states(first, second)).states).toBe('AB');
    expect(await read(buyer, paid.body.paymentId)).toMatchObject({
      state: 'captured',
      refundedMinor: PRICE_MINOR,
      seats: [
        { seatId: first, state: 'refunded' },
        { seatId: second, state: 'booked' },
      ],
    });
    await sale.held(other, [first]);
    expectProblem(await refund(buyer, paid.body.paymentId, { seats: [first] }), 409, 'seats-refunded');
    expectProblem(await refund(buyer, paid.body.paymentId, { seats: ['none'] }), 422, 'unknown-seats');
  });

  // Nobody polls a refund that is done: only the provider's webhook tells in time that it has come back.
  itWithProviderBooks('that the bank sends back later is a failure, and may be asked for again', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const [seat = ''] = sale.seatIds;
    const { paymentId } = (await pay(buyer, await sale.held(buyer, [seat]), REFUND_BOUNCES)).body;
    const key = randomUUID();
    const first = await refund(buyer, paymentId, {}, { key });
    expect(first).toMatchObject({ status: 201, body: { state: 'refunded' } });
    const bounced = await eventually(async () => {
      const now = await read(buyer, paymentId);
      return now.refunds[0]?.state === 'failed' ? now : undefined;
    });
    expect(bounced).toMatchObject({ refundedMinor: 0, seats: [{ seatId: seat, state: 'refund-failed' }] });
    const { refundId } = first.body;
    expect((await refund(buyer, paymentId, {}, { key })).body).toMatchObject({ refundId, state: 'failed' });
    const again = await refund(buyer, paymentId);
    expect(again).toMatchObject({ status: 201, body: { state: 'refunded', amountMinor: PRICE_MINOR } });
    expect(again.body.refundId).not.toBe(refundId);
  });
});

describe('a payment that comes too late', () => {
  itWithProviderBooks('gets the same seats again where the event gives them and they are free', async () => {
    const sale = await Sale.open({ holdSeconds: 2, payGraceSeconds: 0, latePayment: 'same-seats-if-free' });
    const [buyer = ''] = await buyers(1);
    const [seat = ''] = sale.seatIds;
    const hold = await sale.held(buyer, [seat]);
    const paid = await pay(buyer, hold, SLOW_CARD);
    const payment = await eventually(async () => {
      const now = await read(buyer, paid.body.paymentId);
      return now.state === 'captured' ? now : undefined;
    });
    expect(payment.lateHoldId).toBeDefined();
    expect((await sale.readHold(buyer, payment.lateHoldId ?? '')).body).toMatchObject({
      state: 'booked',
      replacesHoldId: hold.holdId,
    });
    expect(await booksOf(hold.holdId)).toEqual([{ status: 'succeeded', taken: PRICE_MINOR }]);
  });
});

describe('a method that cannot set money aside', () => {
  itWithProviderBooks('is charged once and has its seats', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const hold = await sale.held(buyer, sale.seatIds.slice(0, 1));
    expect(await pay(buyer, hold, CHARGED_AT_ONCE)).toMatchObject({ status: 201, body: { state: 'captured' } });
    expect((await sale.readHold(buyer, hold.holdId)).body.state).toBe('booked');
    expect(await booksOf(hold.holdId)).toEqual([{ status: 'succeeded', taken: PRICE_MINOR }]);
  });
});
