import { randomUUID } from 'node:crypto';
import { expectProblem, faultAt, request, type Call } from './api';
import { buyers, itWithBuyers, itWithMintedTokens, mintToken } from './people';
import { Sale } from './sale';

const UNKNOWN_EVENT = '/v1/events/01930000-0000-7000-8000-000000000000';

describe('a request to hold that is wrong', () => {
  let sale: Sale;
  let buyer: string;

  beforeAll(async () => {
    sale = await Sale.open();
    [buyer = ''] = await buyers(1);
  });

  afterEach(async () => {
    expect((await sale.read()).counts).toMatchObject({ available: sale.seatIds.length, held: 0 });
  });

  const json = { 'content-type': 'application/json' };
  type Wrong = [what: string, call: (seats: string[]) => Call, status: number, code: string, members?: object];

  itWithBuyers(1).each<Wrong>([
    ['broken JSON', () => ({ body: '{"seats":["A' }), 400, 'malformed-json'],
    ['no body', () => ({ body: '', headers: json }), 422, 'validation-failed'],
    ['a null', () => ({ body: 'null' }), 422, 'validation-failed'],
    ['an array', () => ({ body: '[]' }), 422, 'validation-failed'],
    ['no seats', () => ({ body: {} }), 422, 'validation-failed', faultAt('seats')],
    ['an empty list', () => ({ body: { seats: [] } }), 422, 'validation-failed', faultAt('seats')],
    ['a text for the list', () => ({ body: { seats: 'A' } }), 422, 'validation-failed', faultAt('seats')],
    ['a number for a seat', ([a]) => ({ body: { seats: [a, 7] } }), 422, 'validation-failed', faultAt('seats[1]')],
    ['an object for a seat', () => ({ body: { seats: [{ id: 1 }] } }), 422, 'validation-failed'],
    ['a control character', () => ({ body: { seats: ['A\u0000'] } }), 422, 'validation-failed'],
    ['an endless seat id', () => ({ body: { seats: ['x'.repeat(201)] } }), 422, 'validation-failed'],
    ['an unknown seat', ([a]) => ({ body: { seats: [a, 'nowhere'] } }), 422, 'unknown-seats', { seatIds: ['nowhere'] }],
    ['a seat twice', ([a]) => ({ body: { seats: [a, a] } }), 422, 'duplicate-seats'],
    ['too many seats', (seats) => ({ body: { seats } }), 422, 'too-many-seats', { limit: 10 }],
    [
      'too many for any event',
      () => ({ body: { seats: Array.from({ length: 5_000 }, (_, i) => `s${i}`) } }),
      422,
      'too-many-seats',
    ],
    [
      'XML',
      ([a]) => ({ body: `<seat>${a}</seat>`, headers: { 'content-type': 'application/xml' } }),
      415,
      'unsupported-media-type',
    ],
    ['a body beyond the limit', () => ({ body: { seats: ['x'.repeat(300_000)] } }), 413, 'payload-too-large'],
    ['no key', ([a]) => ({ body: { seats: [a] }, key: null }), 400, 'idempotency-key-required'],
    ['a key with blanks', ([a]) => ({ body: { seats: [a] }, key: 'a b' }), 400, 'idempotency-key-invalid'],
    ['an endless key', ([a]) => ({ body: { seats: [a] }, key: 'k'.repeat(256) }), 400, 'idempotency-key-invalid'],
    // Not as five parameters: jest would take the fifth of a row of four for its callback.
  ])('%s', async (_, ...[call, status, code, members]) => {
    const answer = await request('POST', `${sale.path}/holds`, { token: buyer, ...call(sale.seatIds) });
    expectProblem(answer, status, code, members);
  });

  itWithBuyers(1)('for an event that is not there', async () => {
    const body = { seats: ['F1-1-1'] };
    expectProblem(await request('POST', `${UNKNOWN_EVENT}/holds`, { token: buyer, body }), 404, 'unknown-event');
    expectProblem(await request('POST', '/v1/events/no-id/holds', { token: buyer, body }), 404, 'unknown-event');
    for (const path of ['', '/layout', '/seats']) {
      expectProblem(await request('GET', `${UNKNOWN_EVENT}${path}`), 404, 'unknown-event');
    }
  });

  it.each([
    ['no token', {}],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['no token at all', { authorization: 'Bearer abc.def.ghi' }],
  ])('with %s', async (_, headers) => {
    const answer = await request('POST', `${sale.path}/holds`, { body: { seats: sale.seatIds.slice(0, 1) }, headers });
    expectProblem(answer, 401, 'unauthorised');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  it('with a token that somebody else signed', async () => {
    const token = await mintToken('buyer-1', ['buyer'], { secret: randomUUID() + randomUUID() });
    expectProblem(await sale.hold(token, sale.seatIds.slice(0, 1)), 401, 'unauthorised');
  });

  it('with a token that nobody signed', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { sub: 'buyer-1', roles: ['buyer'], exp: Math.floor(Date.now() / 1_000) + 600 };
    const token = `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`;
    expectProblem(await sale.hold(token, sale.seatIds.slice(0, 1)), 401, 'unauthorised');
  });

  itWithMintedTokens('with a token that has run out', async () => {
    const token = await mintToken('buyer-1', ['buyer'], { expires: '-1s' });
    expectProblem(await sale.hold(token, sale.seatIds.slice(0, 1)), 401, 'unauthorised');
  });

  it('with the token of an organiser', async () => {
    expectProblem(await sale.hold(sale.organiserToken, sale.seatIds.slice(0, 1)), 403, 'forbidden');
  });
});

describe('a request to extend or pay that is wrong', () => {
  type Wrong = [what: string, body: unknown, path: string];

  itWithBuyers(1).each<Wrong>([
    ['no seconds', {}, 'seconds'],
    ['zero seconds', { seconds: 0 }, 'seconds'],
    ['half seconds', { seconds: 1.5 }, 'seconds'],
    ['endless seconds', { seconds: 1e9 }, 'seconds'],
    ['a text for seconds', { seconds: '60' }, 'seconds'],
    ['a text for the version', { seconds: 5, version: 'x' }, 'version'],
  ])('extend: %s', async (_, body, path) => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const hold = await sale.held(buyer, sale.seatIds.slice(0, 1));
    const answer = await sale.extend(buyer, hold.holdId, body as object);
    expectProblem(answer, 422, 'validation-failed', faultAt(path));
    expect((await sale.readHold(buyer, hold.holdId)).body.version).toBe(hold.version);
  });

  const ids = { eventId: '01930000-0000-7000-8000-000000000000', holdId: '01930000-0000-7000-8000-000000000001' };

  itWithBuyers(1).each<Wrong>([
    ['no event', { ...ids, eventId: undefined, paymentMethod: 'pm_card_visa' }, 'eventId'],
    ['no id for the hold', { ...ids, holdId: 'x', paymentMethod: 'pm_card_visa' }, 'holdId'],
    ['no payment method', { ...ids }, 'paymentMethod'],
    ['a number for the payment method', { ...ids, paymentMethod: 1 }, 'paymentMethod'],
  ])('pay: %s', async (_, body, path) => {
    const [token = ''] = await buyers(1);
    const answer = await request('POST', '/v1/payments', { token, body });
    expectProblem(answer, 422, 'validation-failed', faultAt(path));
  });

  itWithBuyers(1)('pay: no key, no JSON, a payment that is not there', async () => {
    const [token = ''] = await buyers(1);
    const body = { ...ids, paymentMethod: 'pm_card_visa' };
    expectProblem(await request('POST', '/v1/payments', { token, body, key: null }), 400, 'idempotency-key-required');
    expectProblem(await request('POST', '/v1/payments', { token, body: '{' }), 400, 'malformed-json');
    expectProblem(await request('POST', '/v1/payments', { body }), 401, 'unauthorised');
    expectProblem(await request('GET', `/v1/payments/${ids.holdId}`, { token }), 404, 'unknown-payment');
  });
});
