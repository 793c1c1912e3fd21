import { TokenVerifier } from '@holdfast/http';
import { mintToken } from '@holdfast/testing';
import type { HoldTaking, TakeOutcome } from './hold-taking';
import { HOLDS_PATH, shortHoldRoute } from './short-hold-route';

const EVENT_ID = '0198c0de-0000-7000-8000-000000000000';
const SECRET = 'the secret of the tests, long enough for HS256';
const token = (roles: string[]) => mintToken(SECRET, 'ann', roles);

/** What the route answers; undefined where it leaves the request to the controller. */
async function ask(change: { body?: unknown; headers?: Record<string, string> } = {}) {
  const taken: string[][] = [];
  const taking: Pick<HoldTaking, 'take'> = {
    take: (_, { seatIds }) => {
      taken.push(seatIds);
      const seats = seatIds.map((seatId) => ({ seatId, state: 'held', heldByYou: false, msLeft: 1 }) as const);
      return Promise.resolve<TakeOutcome>({ outcome: 'seats-taken', seats });
    },
  };
  const short = shortHoldRoute(taking, new TokenVerifier({ jwtSecret: SECRET }));
  const authorization = `Bearer ${await token(['buyer'])}`;
  const answer = await short({
    params: [EVENT_ID],
    headers: { authorization, 'idempotency-key': 'k', ...change.headers },
    body: 'body' in change ? change.body : { seats: ['A1', 'A2'] },
  });
  return { status: answer?.status, taken };
}

describe('the short way of the hold route', () => {
  it('answers a request as it should be, once', async () => {
    expect(await ask()).toEqual({ status: 409, taken: [['A1', 'A2']] });
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
    ['an unusable key', { headers: { 'idempotency-key': 'two words' } }],
    ['no token', { headers: { authorization: '' } }],
  ])('leaves %s to the controller, untouched', async (_, change) => {
    expect(await ask(change)).toEqual({ status: undefined, taken: [] });
  });

  it('leaves other roles to the controller', async () => {
    const authorization = `Bearer ${await token(['organiser'])}`;
    expect(await ask({ headers: { authorization } })).toEqual({ status: undefined, taken: [] });
  });

  it.each([
    ['tomorrow', `/v1/events/tomorrow/holds`],
    ['capitals', `/v1/events/${EVENT_ID.toUpperCase()}/holds`],
    ['a query', `/v1/events/${EVENT_ID}/holds?x=1`],
    ['a hold', `/v1/events/${EVENT_ID}/holds/1`],
  ])('is not the way of a path with %s', (_, path) => {
    expect(HOLDS_PATH.exec(path)).toBeNull();
    expect(HOLDS_PATH.exec(`/v1/events/${EVENT_ID}/holds`)?.[1]).toBe(EVENT_ID);
  });
});
