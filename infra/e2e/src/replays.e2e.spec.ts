import { randomUUID } from 'node:crypto';
import { arenaPlan } from '@holdfast/plan';
import { expectProblem, request, type Answer } from './api';
import { buyers, itWithBuyers, organiser } from './people';
import { eventBody, Sale } from './sale';

/** The same answer, except for the time it was given. */
function expectReplay(first: Answer<object>, second: Answer<object>): void {
  const timeless = (body: object) => ({ ...body, serverTime: undefined });
  expect(first.headers.get('idempotency-replayed')).toBeNull();
  expect(second.headers.get('idempotency-replayed')).toBe('true');
  expect(second.status).toBe(first.status);
  expect(timeless(second.body)).toEqual(timeless(first.body));
}

describe('a repeated request', () => {
  it('to create an event gets the first one, and another body under its key is refused', async () => {
    const token = await organiser();
    const key = randomUUID();
    const body = eventBody(arenaPlan(20));
    const first = await request('POST', '/v1/events', { token, key, body });
    expectReplay(first, await request('POST', '/v1/events', { token, key, body }));
    const changed = await request('POST', '/v1/events', { token, key, body: { ...body, name: 'Another' } });
    expectProblem(changed, 422, 'idempotency-key-reused');
  });

  itWithBuyers(2)('to hold gets the first hold, also after it was extended, released and taken by others', async () => {
    const sale = await Sale.open({ holdSeconds: 60, extensionsMax: 1, holdSecondsMax: 600 });
    const [buyer = '', other = ''] = await buyers(2);
    const [seat = '', second = ''] = sale.seatIds;
    const key = randomUUID();
    const first = await sale.hold(buyer, [seat], { key });
    expectReplay(first, await sale.hold(buyer, [seat], { key }));
    expectProblem(await sale.hold(buyer, [second], { key }), 422, 'idempotency-key-reused');
    await sale.extend(buyer, first.body.holdId, { seconds: 120 });
    expectReplay(first, await sale.hold(buyer, [seat], { key }));
    await sale.release(buyer, first.body.holdId);
    await sale.held(other, [seat]);
    expectReplay(first, await sale.hold(buyer, [seat], { key }));
    // A key belongs to its buyer: the same one in another hand is another key.
    expect((await sale.hold(other, [second], { key })).headers.get('idempotency-replayed')).toBeNull();
  });

  itWithBuyers(1)('is bound to its body, however the members are written', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const key = randomUUID();
    const first = await sale.hold(buyer, sale.seatIds.slice(0, 2), { key });
    const spaced = `{ "seats" : ${JSON.stringify(sale.seatIds.slice(0, 2))} }`;
    expectReplay(first, await sale.hold(buyer, [], { key, body: spaced }));
  });

  itWithBuyers(1)('to extend moves the deadline once', async () => {
    const sale = await Sale.open({ holdSeconds: 60, extensionsMax: 3, holdSecondsMax: 600 });
    const [buyer = ''] = await buyers(1);
    const { holdId } = await sale.held(buyer, sale.seatIds.slice(0, 1));
    const key = randomUUID();
    const first = await sale.extend(buyer, holdId, { seconds: 120 }, { key });
    expectReplay(first, await sale.extend(buyer, holdId, { seconds: 120 }, { key }));
    expectProblem(await sale.extend(buyer, holdId, { seconds: 121 }, { key }), 422, 'idempotency-key-reused');
    expect((await sale.readHold(buyer, holdId)).body.extensionsLeft).toBe(2);
  });

  itWithBuyers(1)('raced with itself takes effect once', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => sale.hold(buyer, sale.seatIds.slice(0, 2), { key })),
    );
    const granted = answers.filter(({ status }) => status === 201);
    expect(granted.length).toBeGreaterThan(0);
    expect(new Set(granted.map(({ body }) => body.holdId)).size).toBe(1);
    for (const answer of answers) {
      if (answer.status !== 201) expectProblem(answer, 409, 'request-in-progress');
    }
    expect((await sale.read()).counts.held).toBe(2);
  });

  itWithBuyers(1)('after a refusal is a new request: a refusal is not kept', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const [seat = ''] = sale.seatIds;
    const key = randomUUID();
    const { holdId } = await sale.held(buyer, [seat]);
    expectProblem(await sale.hold(buyer, [seat], { key }), 409, 'seats-taken');
    await sale.release(buyer, holdId);
    expect((await sale.hold(buyer, [seat], { key })).status).toBe(201);
  });
});
