import { guardOwner } from '@holdfast/guard';
import { openRedis, whenRedisReady } from '@holdfast/redis';
import { Connections } from './connections';
import {
  callerWith,
  openSale,
  runOut,
  serviceUnderTest,
  token,
  UNKNOWN,
  type Answer,
  type Body,
  type Caller,
  type ServiceUnderTest,
} from './spec/service-under-test';

describe('holds', () => {
  let service: ServiceUnderTest;
  let olga: Caller;
  let ann: Caller;
  let ben: Caller;
  let eventId: string;
  let path: string;

  beforeAll(async () => {
    service = await serviceUnderTest();
    olga = await service.caller('olga', 'organiser');
    ann = await service.caller('ann', 'buyer');
    ben = await service.caller('ben', 'buyer');
  });

  beforeEach(() => newSale());
  afterAll(() => service.close());

  async function newSale(sale: Body = {}): Promise<void> {
    eventId = await openSale(olga, sale);
    path = `/v1/events/${eventId}/holds`;
  }

  const take = (caller: Caller, seats: unknown, key?: string) => caller('POST', path, { body: { seats }, key });
  const states = async () => String((await ann('GET', `/v1/events/${eventId}/seats`)).body.states).slice(0, 4);

  describe('the short and the long way', () => {
    let annTheLongWay: Caller;

    beforeAll(async () => {
      annTheLongWay = callerWith(service.app, await token('ann', ['buyer']));
    });

    const toCompare = ({ status, headers, body: { serverTime: _, ...body } }: Answer) => ({
      status,
      body,
      type: headers['content-type'],
      location: headers.location,
      replayed: headers['idempotency-replayed'],
    });

    it('give the same answers', async () => {
      const take = (caller: Caller, key: string, seats: unknown) => caller('POST', path, { body: { seats }, key });
      const both = async (key: string, seats: unknown) => [
        toCompare(await take(ann, key, seats)),
        toCompare(await take(annTheLongWay, key, seats)),
      ];
      const first = toCompare(await take(ann, 'a', ['St-A-1']));
      expect(first).toMatchObject({ status: 201, replayed: undefined });
      const [short, long] = await both('a', ['St-A-1']);
      expect(short).toEqual({ ...first, replayed: 'true' });
      expect(long).toEqual(short);
      for (const seats of [['St-A-1'], ['nowhere'], [], ['St-A-2', 'St-A-2'], 'St-A-2']) {
        const [short, long] = await both('b', seats);
        expect(short?.status).toBeGreaterThanOrEqual(400);
        expect(long).toEqual(short);
      }
    });

    it('are measured alike', async () => {
      const metrics = await fetch(`${await service.app.getUrl()}/metrics`);
      expect(await metrics.text()).toMatch(/http_request_seconds_count\{.*events\/:eventId\/holds".*status="201"\} \d/);
    });
  });

  describe('taking seats', () => {
    it('waits for what becomes of a claim: a request that cannot succeed keeps nobody out', async () => {
      const { guard } = service.app.get(Connections);
      const doomed = guardOwner('eve', 'k');
      await guard.claim(eventId, doomed, ['St-A-1']);
      const held = take(ann, ['St-A-1']);
      await guard.giveUp(eventId, doomed, ['St-A-1']);
      expect(await held).toMatchObject({ status: 201 });
    });

    it('says taken when a claim stays', async () => {
      await service.app.get(Connections).guard.claim(eventId, guardOwner('eve', 'k'), ['St-A-1']);
      expect(await take(ann, ['St-A-1'])).toMatchObject({ status: 409, body: { code: 'seats-taken' } });
    });

    it('answers with the seats, the price, the deadline and the time', async () => {
      const held = await take(ann, ['St-A-2', 'Ba-A-1']);
      expect(held).toMatchObject({
        status: 201,
        body: {
          eventId,
          state: 'held',
          version: 1,
          seats: [
            { seatId: 'Ba-A-1', category: 'Balcony', priceMinor: 3_000 },
            { seatId: 'St-A-2', category: 'Stalls', priceMinor: 4_500 },
          ],
          amountMinor: 7_500,
          currency: 'EUR',
          extensionsLeft: 2,
        },
      });
      const { holdId, expiresAt, serverTime } = held.body;
      expect(held.headers.location).toBe(`${path}/${String(holdId)}`);
      const lifeMs = Date.parse(String(expiresAt)) - Date.parse(String(serverTime));
      expect(lifeMs).toBeGreaterThan(599_000);
      expect(lifeMs).toBeLessThanOrEqual(600_021);
      expect(JSON.stringify(held.body)).not.toContain('ann');
    });

    it('refuses seats that somebody has, all or none, and says whose they are only to their own holder', async () => {
      await take(ann, ['St-A-1']);
      for (const [caller, heldByYou] of [
        [ben, false],
        [ann, true],
      ] as const) {
        const refused = await take(caller, ['St-A-2', 'St-A-1']);
        expect(refused).toMatchObject({
          status: 409,
          body: { code: 'seats-taken', seats: [{ seatId: 'St-A-1', state: 'held', heldByYou }] },
        });
        expect(refused.body.seats).toHaveLength(1);
        expect(JSON.stringify(refused.body)).not.toMatch(/ann|holder|holdId/);
      }
      expect(await states()).toBe('HAAA');
    });

    it('grants one of many who want the same seat', async () => {
      const buyers = await Promise.all(Array.from({ length: 40 }, (_, i) => service.caller(`rush-${i}`, 'buyer')));
      const answers = await Promise.all(buyers.map((buyer) => take(buyer, ['St-B-1'])));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(answers.filter(({ status, body }) => status === 409 && body.code === 'seats-taken')).toHaveLength(39);
    });

    it.each<[string, unknown, number, Body]>([
      ['unknown seats', { seats: ['St-A-1', 'Z-1', 'Z-2'] }, 422, { code: 'unknown-seats', seatIds: ['Z-1', 'Z-2'] }],
      ['a seat twice', { seats: ['St-A-1', 'St-A-1'] }, 422, { code: 'duplicate-seats', seatIds: ['St-A-1'] }],
      [
        'more seats than the event allows',
        { seats: Array.from({ length: 11 }, (_, i) => `St-A-${i + 1}`) },
        422,
        { code: 'too-many-seats', limit: 10 },
      ],
      [
        'more seats than any event allows',
        { seats: Array.from({ length: 101 }, (_, i) => `s${i}`) },
        422,
        { code: 'too-many-seats', limit: 100 },
      ],
      ['no seats', { seats: [] }, 422, { code: 'validation-failed', errors: [{ path: 'seats' }] }],
      [
        'a member that does not exist',
        { seats: ['St-A-1'], seat: ['St-A-2'] },
        422,
        { code: 'validation-failed', errors: [{ path: 'seat' }] },
      ],
      ['a text for seats', { seats: 'St-A-1' }, 422, { code: 'validation-failed', errors: [{ path: 'seats' }, {}] }],
      [
        'a number for a seat',
        { seats: ['St-A-1', 2] },
        422,
        { code: 'validation-failed', errors: [{ path: 'seats[1]' }] },
      ],
      [
        'a seat that cannot be stored',
        { seats: ['a\u0000'] },
        422,
        { code: 'validation-failed', errors: [{ path: 'seats[0]' }] },
      ],
      ['no body', {}, 422, { code: 'validation-failed' }],
      ['an array for a body', ['St-A-1'], 422, { code: 'validation-failed' }],
      ['half a body', '{"seats":["St', 400, { code: 'malformed-json' }],
    ])('refuses %s, and changes nothing', async (_, body, status, problem) => {
      expect(await ann('POST', path, { body })).toMatchObject({ status, body: problem });
      expect(await states()).toBe('AAAA');
    });

    it('refuses a body that is no JSON by its type', async () =>
      expect(await ann('POST', path, { body: 'seats=1', headers: { 'content-type': 'text/plain' } })).toMatchObject({
        status: 415,
        body: { code: 'unsupported-media-type' },
      }));

    it('refuses callers without a token, with an expired one, and organisers', async () => {
      const anybody = callerWith(service.app, undefined);
      const late = callerWith(service.app, await token('ann', ['buyer'], '-1s'));
      expect(await take(anybody, ['St-A-1'])).toMatchObject({ status: 401, body: { code: 'unauthorised' } });
      expect(await take(late, ['St-A-1'])).toMatchObject({ status: 401, body: { code: 'unauthorised' } });
      expect(await take(olga, ['St-A-1'])).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      expect(await states()).toBe('AAAA');
    });

    it('refuses a missing or unusable key', async () => {
      expect(await ann('POST', path, { body: { seats: ['St-A-1'] }, key: null })).toMatchObject({
        status: 400,
        body: { code: 'idempotency-key-required' },
      });
      expect(await take(ann, ['St-A-1'], 'a b')).toMatchObject({
        status: 400,
        body: { code: 'idempotency-key-invalid' },
      });
    });

    it('refuses an event that is not there', async () => {
      for (const unknown of [UNKNOWN, 'nonsense']) {
        expect(await ann('POST', `/v1/events/${unknown}/holds`, { body: { seats: ['St-A-1'] } })).toMatchObject({
          status: 404,
          body: { code: 'unknown-event' },
        });
      }
    });

    it('refuses before the sale begins', async () => {
      await newSale({ startsAt: '2999-01-01T00:00:00Z', endsAt: '2999-02-01T00:00:00+01:00' });
      expect(await take(ann, ['St-A-1'])).toMatchObject({
        status: 409,
        body: {
          code: 'not-on-sale',
          onSaleFrom: '2999-01-01T00:00:00.000Z',
          onSaleUntil: '2999-01-31T23:00:00.000Z',
          closed: false,
        },
      });
    });

    it('refuses more seats than one buyer may have', async () => {
      await newSale({ seatsPerBuyerMax: 2 });
      await take(ann, ['St-A-1']);
      expect(await take(ann, ['St-A-2', 'St-A-3'])).toMatchObject({
        status: 409,
        body: { code: 'buyer-limit', limit: 2, holding: 1 },
      });
      // What the refused request had claimed is free for the next one at once.
      expect(await take(ben, ['St-A-2', 'St-A-3'])).toMatchObject({ status: 201 });
    });

    it('takes a seat whose hold has run out', async () => {
      const first = await take(ann, ['St-A-1', 'St-A-2']);
      await runOut(service.database, eventId, first.body.holdId);
      // Redis forgets the hold at its deadline by itself; here its clock was not moved.
      await forgetGuard();
      expect(await take(ben, ['St-A-1'])).toMatchObject({ status: 201 });
      expect(await ann('GET', `${path}/${String(first.body.holdId)}`)).toMatchObject({ body: { state: 'expired' } });
    });
  });

  describe('the same key again', () => {
    it('gets the same answer but for the time', async () => {
      const first = await take(ann, ['St-A-1'], 'k');
      const again = await take(ann, ['St-A-1'], 'k');
      expect(again.status).toBe(201);
      expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true', location: first.headers.location });
      expect({ ...again.body, serverTime: 0 }).toEqual({ ...first.body, serverTime: 0 });
    });

    it('gets it also when the hold is gone and others have its seats', async () => {
      const first = await take(ann, ['St-A-1'], 'k');
      await ann('DELETE', `${path}/${String(first.body.holdId)}`);
      await take(ben, ['St-A-1']);
      const again = await take(ann, ['St-A-1'], 'k');
      expect(again).toMatchObject({ status: 201, body: { holdId: first.body.holdId, state: 'held' } });
      expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true' });
    });

    it('raced with itself takes the seats once', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => take(ann, ['St-A-1'], 'k')));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
      expect(new Set(answers.map(({ body }) => body.holdId)).size).toBe(1);
    });

    it('is refused with another body, free for another buyer, and free after a refusal', async () => {
      await take(ann, ['St-A-1'], 'k');
      expect(await take(ann, ['St-A-2'], 'k')).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
      expect(await take(ben, ['St-A-1'], 'k')).toMatchObject({ status: 409 });
      expect(await take(ben, ['St-A-2'], 'k')).toMatchObject({ status: 201 });
    });
  });

  describe('reading', () => {
    it('shows buyers their own holds only', async () => {
      const mine = await take(ann, ['St-A-1']);
      const later = await take(ann, ['St-A-2']);
      const theirs = await take(ben, ['St-A-3']);
      expect(await ann('GET', `${path}/${String(mine.body.holdId)}`)).toMatchObject({
        status: 200,
        body: { holdId: mine.body.holdId },
      });
      for (const unknown of [theirs.body.holdId, UNKNOWN, 'nonsense'] as string[]) {
        expect(await ann('GET', `${path}/${unknown}`)).toMatchObject({ status: 404, body: { code: 'unknown-hold' } });
        expect(await ann('GET', `${path}/${unknown}/history`)).toMatchObject({
          status: 404,
          body: { code: 'unknown-hold' },
        });
      }
      const listed = await ann('GET', path);
      expect((listed.body.holds as Body[]).map(({ holdId }) => holdId)).toEqual([later.body.holdId, mine.body.holdId]);
      expect(await (await service.caller('new', 'buyer'))('GET', path)).toMatchObject({
        status: 200,
        body: { holds: [] },
      });
      expect(await ann('GET', `/v1/events/${UNKNOWN}/holds`)).toMatchObject({
        status: 404,
        body: { code: 'unknown-event' },
      });
    });

    it('tells the history of a hold', async () => {
      const { body } = await take(ann, ['St-A-1', 'St-A-2']);
      await ann('DELETE', `${path}/${String(body.holdId)}`);
      const history = await ann('GET', `${path}/${String(body.holdId)}/history`);
      expect((history.body.entries as Body[]).map(({ kind, seatId, actor }) => [kind, seatId, actor])).toEqual([
        ['held', 'St-A-1', 'buyer'],
        ['held', 'St-A-2', 'buyer'],
        ['released', 'St-A-1', 'buyer'],
        ['released', 'St-A-2', 'buyer'],
      ]);
    });
  });

  describe('giving seats back', () => {
    it('frees them for others at once, and again changes nothing', async () => {
      const { body } = await take(ann, ['St-A-1']);
      const hold = `${path}/${String(body.holdId)}`;
      expect(await ann('DELETE', hold)).toMatchObject({ status: 200, body: { state: 'released', version: 2 } });
      expect(await take(ben, ['St-A-1'])).toMatchObject({ status: 201 });
      expect(await ann('DELETE', hold)).toMatchObject({ status: 200, body: { state: 'released' } });
      // The repeat did not take the seat from its new holder, nor make the guard forget them.
      expect(await states()).toBe('HAAA');
      expect(await take(ann, ['St-A-1'])).toMatchObject({ status: 409 });
    });

    it('refuses foreign, stale, and run-out holds', async () => {
      const { body } = await take(ann, ['St-A-1']);
      const hold = `${path}/${String(body.holdId)}`;
      expect(await ben('DELETE', hold)).toMatchObject({ status: 404, body: { code: 'unknown-hold' } });
      expect(await ann('DELETE', `${hold}?version=7`)).toMatchObject({
        status: 409,
        body: { code: 'stale-version', version: 1 },
      });
      for (const version of ['0', 'x', '99999999999']) {
        expect(await ann('DELETE', `${hold}?version=${version}`)).toMatchObject({
          status: 422,
          body: { code: 'validation-failed' },
        });
      }
      await runOut(service.database, eventId, body.holdId);
      expect(await ann('DELETE', hold)).toMatchObject({
        status: 410,
        body: { code: 'hold-expired', expiredAt: expect.any(String) as string },
      });
    });
  });

  describe('extending', () => {
    const extend = (caller: Caller, holdId: unknown, body: unknown, key?: string) =>
      caller('POST', `${path}/${String(holdId)}/extend`, { body, key });

    it('moves the deadline, a bounded number of times', async () => {
      const { body } = await take(ann, ['St-A-1']);
      const first = await extend(ann, body.holdId, { seconds: 1_200, version: 1 }, 'e1');
      expect(first).toMatchObject({ status: 200, body: { version: 2, extensionsLeft: 1 } });
      expect(Date.parse(String(first.body.expiresAt))).toBeGreaterThan(Date.parse(String(body.expiresAt)));
      const again = await extend(ann, body.holdId, { seconds: 1_200, version: 1 }, 'e1');
      expect({ ...again.body, serverTime: 0 }).toEqual({ ...first.body, serverTime: 0 });
      expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true' });
      expect(await extend(ann, body.holdId, { seconds: 1_500 })).toMatchObject({ status: 200 });
      expect(await extend(ann, body.holdId, { seconds: 1_500 })).toMatchObject({
        status: 409,
        body: { code: 'no-extensions-left', limit: 2 },
      });
    });

    it('refuses a key used for another hold', async () => {
      const one = await take(ann, ['St-A-1']);
      const two = await take(ann, ['St-A-2']);
      expect(await extend(ann, one.body.holdId, { seconds: 700 }, 'e')).toMatchObject({ status: 200 });
      expect(await extend(ann, two.body.holdId, { seconds: 700 }, 'e')).toMatchObject({
        status: 422,
        body: { code: 'idempotency-key-reused' },
      });
    });

    it('refuses foreign, stale, released and run-out holds', async () => {
      const { body } = await take(ann, ['St-A-1']);
      expect(await extend(ben, body.holdId, { seconds: 700 })).toMatchObject({
        status: 404,
        body: { code: 'unknown-hold' },
      });
      expect(await extend(ann, body.holdId, { seconds: 700, version: 9 })).toMatchObject({
        status: 409,
        body: { code: 'stale-version', version: 1 },
      });
      await runOut(service.database, eventId, body.holdId);
      expect(await extend(ann, body.holdId, { seconds: 700 })).toMatchObject({
        status: 410,
        body: { code: 'hold-expired' },
      });
      const { body: gone } = await take(ann, ['St-A-2']);
      await ann('DELETE', `${path}/${String(gone.holdId)}`);
      expect(await extend(ann, gone.holdId, { seconds: 700 })).toMatchObject({
        status: 410,
        body: { code: 'hold-ended', state: 'released' },
      });
    });

    it.each([{}, { seconds: 0 }, { seconds: 3_601 }, { seconds: '60' }, { seconds: 60, version: 0 }])(
      'refuses %j',
      async (body) => {
        const held = await take(ann, ['St-A-1']);
        expect(await extend(ann, held.body.holdId, body)).toMatchObject({
          status: 422,
          body: { code: 'validation-failed' },
        });
      },
    );
  });

  it('answers a foreign method with 405', async () =>
    expect(await ann('PUT', path)).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, POST' },
      body: { code: 'method-not-allowed' },
    }));

  async function forgetGuard(): Promise<void> {
    const redis = openRedis({ url: service.config.redisUrl, connectionName: 'spec' });
    await whenRedisReady(redis, 2_000);
    const keys = (await redis.call('KEYS', `${service.config.redisKeyPrefix}*`)) as string[];
    if (keys.length > 0) await redis.call('DEL', ...keys);
    redis.disconnect();
    service.app.get(Connections).holdPath.taken.forget(eventId, ['St-A-1']);
  }
});
