import {
  callerWith,
  openSale,
  serviceUnderTest,
  UNKNOWN,
  type Body,
  type Caller,
  type ServiceUnderTest,
} from './spec/service-under-test';

describe('seats of an event', () => {
  let service: ServiceUnderTest;
  let olga: Caller;
  let other: Caller;
  let ben: Caller;
  let anybody: Caller;
  let eventId: string;
  let path: string;

  beforeAll(async () => {
    service = await serviceUnderTest();
    olga = await service.caller('olga', 'organiser');
    other = await service.caller('other', 'organiser');
    ben = await service.caller('ben', 'buyer');
    anybody = callerWith(service.app, undefined);
  });

  beforeEach(async () => {
    eventId = await openSale(olga);
    path = `/v1/events/${eventId}`;
  });

  afterAll(() => service.close());

  it('shows the layout to anybody, for ever', async () => {
    const first = await anybody('GET', `${path}/layout`);
    expect(first).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'public, max-age=31536000, immutable',
      },
      body: { name: 'Little theatre', size: { width: 460, height: 420 } },
    });
    const again = await anybody('GET', `${path}/layout`, { headers: { 'if-none-match': String(first.headers.etag) } });
    expect(again).toMatchObject({ status: 304, body: {} });
    const unknown = await anybody('GET', `/v1/events/${UNKNOWN}/layout`);
    expect(unknown).toMatchObject({ status: 404, body: { code: 'unknown-event' } });
    expect(unknown.headers).not.toHaveProperty('cache-control');
  });

  it('shows one letter and one version a seat, in the order of the layout', async () => {
    await ben('POST', `${path}/holds`, { body: { seats: ['St-A-2', 'St-A-1'] } });
    await olga('POST', `${path}/blocks`, { body: { seats: ['St-A-4'] } });
    const { status, body } = await anybody('GET', `${path}/seats`);
    expect(status).toBe(200);
    expect(body.states).toBe(`HHAX${'A'.repeat(64)}`);
    expect(body.versions).toEqual([1, 1, 0, 1, ...Array<number>(64).fill(0)]);
    expect(body).toMatchObject({ eventId, serverTime: expect.any(String) as string });
    expect(JSON.stringify(body)).not.toContain('ben');
    expect(await anybody('GET', `/v1/events/${UNKNOWN}/seats`)).toMatchObject({
      status: 404,
      body: { code: 'unknown-event' },
    });
  });

  it('blocks seats and puts them back on sale', async () => {
    const blocked = await olga('POST', `${path}/blocks`, { body: { seats: ['St-A-1'], reason: 'Camera' }, key: 'b1' });
    expect(blocked).toMatchObject({ status: 200, body: { seats: ['St-A-1'], state: 'blocked' } });
    expect(await ben('POST', `${path}/holds`, { body: { seats: ['St-A-1'] } })).toMatchObject({
      status: 409,
      body: { code: 'seats-taken', seats: [{ seatId: 'St-A-1', state: 'blocked', heldByYou: false }] },
    });
    expect(await olga('DELETE', `${path}/blocks`, { body: { seats: ['St-A-1'] } })).toMatchObject({
      status: 200,
      body: { seats: ['St-A-1'], state: 'available' },
    });
    expect(await ben('POST', `${path}/holds`, { body: { seats: ['St-A-1'] } })).toMatchObject({ status: 201 });
  });

  it('answers a repeated block with its first answer, a changed one with a refusal', async () => {
    const block = (seats: string[], key: string) => olga('POST', `${path}/blocks`, { body: { seats }, key });
    await block(['St-A-1'], 'b1');
    expect(await block(['St-A-1'], 'b1')).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } });
    expect(await block(['St-A-2'], 'b1')).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
  });

  it('blocks all or none', async () => {
    await ben('POST', `${path}/holds`, { body: { seats: ['St-A-2'] } });
    expect(await olga('POST', `${path}/blocks`, { body: { seats: ['St-A-1', 'St-A-2'] } })).toMatchObject({
      status: 409,
      body: { code: 'seats-taken', seats: [{ seatId: 'St-A-2', state: 'held', heldByYou: false }] },
    });
    expect(await olga('DELETE', `${path}/blocks`, { body: { seats: ['St-A-1'] } })).toMatchObject({
      status: 409,
      body: { code: 'seats-not-blocked', seats: [{ seatId: 'St-A-1', state: 'available' }] },
    });
    expect((await anybody('GET', `${path}/seats`)).body.states).toBe(`AH${'A'.repeat(66)}`);
  });

  it.each<[string, unknown, number, string]>([
    ['an unknown seat', { seats: ['St-A-1', 'Z-9'] }, 422, 'unknown-seats'],
    ['a seat twice', { seats: ['St-A-1', 'St-A-1'] }, 422, 'duplicate-seats'],
    ['too many seats', { seats: Array.from({ length: 1_001 }, (_, i) => `s${i}`) }, 422, 'too-many-seats'],
    ['no seats', { seats: [] }, 422, 'validation-failed'],
    ['with a member that does not exist', { seats: ['St-A-1'], reasons: 'Camera' }, 422, 'validation-failed'],
    ['a reason that cannot be stored', { seats: ['St-A-1'], reason: 'a\u0000b' }, 422, 'validation-failed'],
  ])('refuses to block %s', async (_, body, status, code) => {
    for (const method of ['POST', 'DELETE'] as const) {
      expect(await olga(method, `${path}/blocks`, { body })).toMatchObject({ status, body: { code } });
    }
  });

  it('lets an organiser act on their own events only', async () => {
    for (const method of ['POST', 'DELETE'] as const) {
      const ask: { body: Body } = { body: { seats: ['St-A-1'] } };
      expect(await other(method, `${path}/blocks`, ask)).toMatchObject({
        status: 404,
        body: { code: 'unknown-event' },
      });
      expect(await ben(method, `${path}/blocks`, ask)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      expect(await anybody(method, `${path}/blocks`, ask)).toMatchObject({
        status: 401,
        body: { code: 'unauthorised' },
      });
      expect(await olga(method, `/v1/events/${UNKNOWN}/blocks`, ask)).toMatchObject({ status: 404 });
    }
  });
});
