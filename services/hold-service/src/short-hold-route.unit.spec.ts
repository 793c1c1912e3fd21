import { TokenVerifier } from '@holdfast/http';
import { SignJWT } from 'jose';
import Fastify from 'fastify';
import type { HoldTaking, TakeOutcome } from './hold-taking';
import { shortHoldRoute } from './short-hold-route';

const EVENT_ID = '0198c0de-0000-7000-8000-000000000000';
const SECRET = 'the secret of the tests, long enough for HS256';
const token = (roles: string[]) =>
  new SignJWT({ sub: 'ann', roles })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1m')
    .sign(new TextEncoder().encode(SECRET));

/** What the route leaves to the controller is answered by 299 here. */
async function ask(change: { body?: unknown; headers?: Record<string, string>; eventId?: string } = {}) {
  const taken: string[][] = [];
  const taking: Pick<HoldTaking, 'take'> = {
    take: (_, { seatIds }) => {
      taken.push(seatIds);
      const seats = seatIds.map((seatId) => ({ seatId, state: 'held', heldByYou: false, msLeft: 1 }) as const);
      return Promise.resolve<TakeOutcome>({ outcome: 'seats-taken', seats });
    },
  };
  const short = shortHoldRoute(taking, new TokenVerifier({ jwtSecret: SECRET }));
  const server = Fastify();
  server.post('/:eventId', async (request, reply) =>
    (await short(request, reply)) ? reply : reply.status(299).send({}),
  );
  const { statusCode } = await server.inject({
    method: 'POST',
    url: `/${change.eventId ?? EVENT_ID}`,
    headers: {
      authorization: `Bearer ${await token(['buyer'])}`,
      'idempotency-key': 'k',
      'content-type': 'application/json',
      ...change.headers,
    },
    payload: JSON.stringify('body' in change ? change.body : { seats: ['A1', 'A2'] }),
  });
  await server.close();
  return { statusCode, taken };
}

describe('the short way of the hold route', () => {
  it('answers a request as it should be, once', async () => {
    expect(await ask()).toEqual({ statusCode: 409, taken: [['A1', 'A2']] });
  });

  it.each([
    ['no body to speak of', { body: null }],
    ['a list', { body: ['A1'] }],
    ['no seats', { body: { seats: [] } }],
    ['a seat that is no text', { body: { seats: [1] } }],
    ['a seat without a name', { body: { seats: [''] } }],
    ['a seat twice', { body: { seats: ['A1', 'A1'] } }],
    ['too many seats', { body: { seats: Array.from({ length: 101 }, (_, nth) => `A${nth}`) } }],
    ['more than seats', { body: { seats: ['A1'], more: 1 } }],
    ['no event id', { eventId: 'tomorrow' }],
    ['an event id in capitals', { eventId: EVENT_ID.toUpperCase() }],
    ['an unusable key', { headers: { 'idempotency-key': 'two words' } }],
    ['no token', { headers: { authorization: '' } }],
  ])('leaves %s to the controller, untouched', async (_, change) => {
    expect(await ask(change)).toEqual({ statusCode: 299, taken: [] });
  });

  it('leaves other roles to the controller', async () => {
    const authorization = `Bearer ${await token(['organiser'])}`;
    expect(await ask({ headers: { authorization } })).toEqual({ statusCode: 299, taken: [] });
  });
});
