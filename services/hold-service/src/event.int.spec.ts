import {
  callerWith,
  openSale,
  plan,
  serviceUnderTest,
  theatre,
  token,
  UNKNOWN,
  type Body,
  type Caller,
  type ServiceUnderTest,
} from './spec/service-under-test';

describe('events', () => {
  let service: ServiceUnderTest;
  let olga: Caller;
  let other: Caller;
  let buyer: Caller;
  let anybody: Caller;

  beforeAll(async () => {
    service = await serviceUnderTest();
    olga = await service.caller('olga', 'organiser');
    other = await service.caller('other', 'organiser');
    buyer = await service.caller('ben', 'buyer');
    anybody = callerWith(service.app, undefined);
  });

  afterAll(() => service.close());

  const stored = async () => {
    const [row] = await service.database.database.query<{ events: number }>(
      'SELECT count(*)::int AS events FROM inventory.events',
    );
    return row?.events;
  };

  it('creates an event from a plan', async () => {
    const created = await olga('POST', '/v1/events', { body: theatre() });
    expect(created.status).toBe(201);
    expect(created.headers.location).toBe(`/v1/events/${String(created.body.eventId)}`);
    expect(created.body).toEqual({
      eventId: expect.any(String) as string,
      name: 'Hamlet',
      currency: 'EUR',
      seatCount: 68,
      categories: [
        { name: 'Stalls', color: '#7fb069', priceMinor: 4_500 },
        { name: 'Balcony', color: '#e6aa68', priceMinor: 3_000 },
      ],
      sale: {
        startsAt: expect.stringMatching(/Z$/) as string,
        endsAt: null,
        closedAt: null,
        holdSeconds: 600,
        holdSecondsMax: 1_800,
        extensionsMax: 2,
        seatsPerHoldMax: 10,
        seatsPerBuyerMax: 20,
        payGraceSeconds: 120,
        latePayment: 'void',
      },
      createdAt: expect.stringMatching(/Z$/) as string,
    });
  });

  it('keeps what the event does with late payments', async () => {
    const body = theatre({}, { sale: { latePayment: 'same-seats-if-free' } });
    const created = await olga('POST', '/v1/events', { body });
    expect(created).toMatchObject({ status: 201, body: { sale: { latePayment: 'same-seats-if-free' } } });
    expect(await anybody('GET', `/v1/events/${String(created.body.eventId)}`)).toMatchObject({
      body: { sale: { latePayment: 'same-seats-if-free' } },
    });
  });

  it('answers a repeated request with the same event, and a changed one with a refusal', async () => {
    const body = theatre();
    const first = await olga('POST', '/v1/events', { body, key: 'one' });
    const second = await olga('POST', '/v1/events', {
      body: Object.fromEntries(Object.entries(body).reverse()),
      key: 'one',
    });
    expect(second).toMatchObject({ status: 201, body: first.body, headers: { 'idempotency-replayed': 'true' } });
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    expect(await olga('POST', '/v1/events', { body: theatre({}, { name: 'Lear' }), key: 'one' })).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    });
    // A key belongs to its organiser.
    expect(await other('POST', '/v1/events', { body, key: 'one' })).toMatchObject({ status: 201 });
  });

  it.each<[string, Body, string]>([
    ['a plan without seats', { plan: { ...plan('little-theatre'), zones: [] } }, 'zones'],
    ['no plan', { plan: undefined }, 'plan'],
    ['a category without price', { prices: { Stalls: 1 } }, 'prices.Balcony'],
    ['a price without category', { prices: { Stalls: 1, Balcony: 1, 'Royal box': 1 } }, 'prices["Royal box"]'],
    ['a price with a fraction', { prices: { Stalls: 1.5, Balcony: 1 } }, 'prices.Stalls'],
    ['a price below nothing', { prices: { Stalls: -1, Balcony: 1 } }, 'prices.Stalls'],
    ['a price as text', { prices: { Stalls: '5', Balcony: 1 } }, 'prices.Stalls'],
    ['a list of prices', { prices: [1] }, 'prices'],
    ['a currency in lower case', { currency: 'eur' }, 'currency'],
    ['a currency that is none', { currency: 'ABC' }, 'currency'],
    ['no name', { name: undefined }, 'name'],
    ['a name that cannot be stored', { name: 'a\u0000b' }, 'name'],
    ['a hold of no time', { sale: { holdSeconds: 0 } }, 'sale.holdSeconds'],
    ['a hold over an hour', { sale: { holdSeconds: 3_601 } }, 'sale.holdSeconds'],
    ['a bound below the hold', { sale: { holdSeconds: 60, holdSecondsMax: 59 } }, 'sale.holdSecondsMax'],
    ['a week date', { sale: { startsAt: '2027-W10-1T00:00:00Z' } }, 'sale.startsAt'],
    ['a time in short form', { sale: { startsAt: '20270101T000000Z' } }, 'sale.startsAt'],
    ['a time without offset', { sale: { startsAt: '2026-01-01T10:00:00' } }, 'sale.startsAt'],
    [
      'an end before the start',
      { sale: { startsAt: '2027-01-02T00:00:00Z', endsAt: '2027-01-01T00:00:00Z' } },
      'sale.endsAt',
    ],
    ['an end in the past', { sale: { endsAt: '2020-01-01T00:00:00Z' } }, 'sale.endsAt'],
    ['a policy for late payments that does not exist', { sale: { latePayment: 'keep' } }, 'sale.latePayment'],
    ['no policy for late payments', { sale: { latePayment: null } }, 'sale.latePayment'],
    ['a text for settings', { sale: 'all' }, 'sale'],
    ['a setting that does not exist', { sale: { holdSecond: 60 } }, 'sale.holdSecond'],
    ['a member that does not exist', { note: 'sold out soon' }, 'note'],
  ])('refuses %s and stores nothing', async (_, changes, path) => {
    const before = await stored();
    const refused = await olga('POST', '/v1/events', { body: theatre({}, changes) });
    expect(refused).toMatchObject({ status: 422, body: { code: 'validation-failed' } });
    expect((refused.body.errors as Body[])[0]?.path).toBe(path);
    expect(await stored()).toBe(before);
  });

  it('names the seat at fault by its place in the plan', async () => {
    const file = plan('little-theatre') as { zones: { rows: { seats: Body[] }[] }[] };
    file.zones[1]!.rows[0]!.seats[5]!.category = 'Loge';
    expect(await olga('POST', '/v1/events', { body: theatre({}, { plan: file }) })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'zones[1].rows[0].seats[5].category' }] },
    });
  });

  it('takes a body of megabytes from an organiser, and not one over the limit', async () => {
    const large = (bytes: number) => theatre({}, { plan: { ...plan('little-theatre'), notes: 'x'.repeat(bytes) } });
    expect((await olga('POST', '/v1/events', { body: large(8 * 1024 * 1024) })).status).toBe(201);
    expect(await olga('POST', '/v1/events', { body: large(64 * 1024 * 1024) })).toMatchObject({
      status: 413,
      body: { code: 'payload-too-large' },
    });
    expect(await anybody('POST', '/v1/events', { body: large(8 * 1024 * 1024) })).toMatchObject({ status: 401 });
  });

  it('lets only organisers create, with a valid token and a key', async () => {
    expect(await buyer('POST', '/v1/events', { body: theatre() })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    expect(await anybody('POST', '/v1/events', { body: theatre() })).toMatchObject({
      status: 401,
      body: { code: 'unauthorised' },
    });
    const late = callerWith(service.app, await token('olga', ['organiser'], '-1s'));
    expect(await late('POST', '/v1/events', { body: theatre() })).toMatchObject({ status: 401 });
    expect(await olga('POST', '/v1/events', { body: theatre(), key: null })).toMatchObject({
      status: 400,
      body: { code: 'idempotency-key-required' },
    });
    expect(await olga('POST', '/v1/events', { body: '{"name":' })).toMatchObject({
      status: 400,
      body: { code: 'malformed-json' },
    });
  });

  it('shows an event to anybody, with its counts', async () => {
    const eventId = await openSale(olga);
    const shown = await anybody('GET', `/v1/events/${eventId}`);
    expect(shown).toMatchObject({
      status: 200,
      body: {
        eventId,
        counts: { available: 68, held: 0, booked: 0, blocked: 0 },
        serverTime: expect.any(String) as string,
      },
    });
    expect(JSON.stringify(shown.body)).not.toContain('olga');
    for (const unknown of [UNKNOWN, 'no-id', '%00']) {
      expect(await anybody('GET', `/v1/events/${unknown}`)).toMatchObject({
        status: 404,
        body: { code: 'unknown-event' },
      });
    }
  });

  it('lists events, newest first, a page at a time', async () => {
    const older = await openSale(olga);
    const newer = await openSale(olga);
    const page = await anybody('GET', '/v1/events?limit=1');
    expect(page).toMatchObject({ status: 200, body: { events: [{ eventId: newer }] } });
    expect(await anybody('GET', `/v1/events?limit=1&before=${newer}`)).toMatchObject({
      body: { events: [{ eventId: older }] },
    });
    for (const query of ['limit=0', 'limit=201', 'limit=x', 'before=x', 'limits=1']) {
      expect(await anybody('GET', `/v1/events?${query}`)).toMatchObject({
        status: 422,
        body: { code: 'validation-failed' },
      });
    }
  });

  it('closes the sale for its organiser', async () => {
    const eventId = await openSale(olga);
    expect(await other('POST', `/v1/events/${eventId}/close`)).toMatchObject({
      status: 404,
      body: { code: 'unknown-event' },
    });
    expect(await buyer('POST', `/v1/events/${eventId}/close`)).toMatchObject({ status: 403 });
    expect(await olga('POST', `/v1/events/${eventId}/close`, { key: null })).toMatchObject({ status: 400 });
    const closed = await olga('POST', `/v1/events/${eventId}/close`);
    expect(closed).toMatchObject({ status: 200, body: { sale: { closedAt: expect.any(String) as string } } });
    expect((await olga('POST', `/v1/events/${eventId}/close`)).body).toEqual(closed.body);
    expect(await buyer('POST', `/v1/events/${eventId}/holds`, { body: { seats: ['St-A-1'] } })).toMatchObject({
      status: 409,
      body: { code: 'not-on-sale', closed: true },
    });
  });
});
