import type { EventBody, EventListBody } from '@holdfast/contracts';
import { arenaPlan, SEATS_MAX, type PlanFile } from '@holdfast/plan';
import { expectProblem, request } from './api';
import { organiser } from './people';
import { eventBody, Sale } from './sale';

const BEYOND_ANY_LIMIT_BYTES = 80 * 1024 * 1024;

async function newestEventId(): Promise<string | undefined> {
  const { body } = await request<EventListBody>('GET', '/v1/events?limit=1');
  return body.events[0]?.eventId;
}

function create(token: string, body: unknown) {
  return request<EventBody>('POST', '/v1/events', { token, body });
}

describe('a seating plan', () => {
  type Fault = [what: string, change: (body: ReturnType<typeof eventBody>, plan: PlanFile) => unknown, path: string];
  const zoneOf = (plan: PlanFile) => plan.zones[2]!;
  const seatOf = (plan: PlanFile, nth: number) => zoneOf(plan).rows[0]!.seats[nth]!;

  it.each<Fault>([
    [
      'a guid twice',
      (_, plan) => (seatOf(plan, 5).seat_guid = seatOf(plan, 4).seat_guid),
      'plan.zones[2].rows[0].seats[5].seat_guid',
    ],
    [
      'an unknown category',
      (_, plan) => (seatOf(plan, 5).category = 'Nowhere'),
      'plan.zones[2].rows[0].seats[5].category',
    ],
    [
      'a text for a position',
      (_, plan) => Object.assign(seatOf(plan, 1).position, { x: 'left' }),
      'plan.zones[2].rows[0].seats[1].position.x',
    ],
    [
      'no guid',
      (_, plan) => Object.assign(seatOf(plan, 0), { seat_guid: undefined }),
      'plan.zones[2].rows[0].seats[0].seat_guid',
    ],
    ['a text for rows', (_, plan) => Object.assign(zoneOf(plan), { rows: 'many' }), 'plan.zones[2].rows'],
    ['no seats', (_, plan) => (plan.zones = []), 'plan.zones'],
    ['a category without price', (body) => delete body.prices['Lower Bowl'], 'prices["Lower Bowl"]'],
    ['a price below zero', (body) => (body.prices['Floor'] = -1), 'prices.Floor'],
    ['half a cent', (body) => (body.prices['Floor'] = 0.5), 'prices.Floor'],
    ['a currency that is none', (body) => (body.currency = 'euro'), 'currency'],
    ['no hold time', (body) => (body.sale = { holdSeconds: 0 }), 'sale.holdSeconds'],
    ['more than an hour of hold time', (body) => (body.sale = { holdSeconds: 3_601 }), 'sale.holdSeconds'],
    ['an end before the start', (body) => (body.sale = { endsAt: '2001-01-01T00:00:00Z' }), 'sale.endsAt'],
  ])('with %s is refused by the place of the fault, and nothing is stored', async (_, spoil, path) => {
    const token = await organiser();
    const body = eventBody(arenaPlan(400));
    spoil(body, body.plan);
    const answer = await create(token, body);
    expectProblem(answer, 422, 'validation-failed');
    const { errors } = answer.body as unknown as { errors: { path: string }[] };
    // The place counts from the plan's file or from the whole body.
    expect([path, path.replace(/^plan\./, '')]).toContain(errors[0]?.path);
  });

  it('may carry more than the format needs, as real files do', async () => {
    const plan = arenaPlan(30);
    const seats = plan.zones.flatMap((zone) => zone.rows.flatMap((row) => row.seats));
    for (const [nth, seat] of seats.entries()) Object.assign(seat, { uuid: `s-${nth}`, radius: 10 });
    expect(await create(await organiser(), eventBody(plan))).toMatchObject({ status: 201, body: { seatCount: 30 } });
  });

  it(`of ${SEATS_MAX} seats passes the gateway; one more seat is refused, and stores nothing`, async () => {
    const token = await organiser();
    const plan = arenaPlan(SEATS_MAX);
    const created = await create(token, eventBody(plan));
    expect(created).toMatchObject({ status: 201, body: { seatCount: SEATS_MAX } });

    const row = plan.zones.at(-1)?.rows.at(-1);
    row?.seats.push({ ...row.seats[0]!, seat_guid: 'one-too-many' });
    expectProblem(await create(token, eventBody(plan)), 422, 'validation-failed');
    const { eventId } = created.body;
    expect(
      (await request<EventListBody>('GET', '/v1/events?limit=200')).body.events.map((event) => event.seatCount),
    ).not.toContain(SEATS_MAX + 1);
    expect((await request('GET', `/v1/events/${eventId}`)).body).toMatchObject({ counts: { available: SEATS_MAX } });
  });

  it('over the size limit is refused before it is read', async () => {
    const answer = await create(await organiser(), `{"name":"${'x'.repeat(BEYOND_ANY_LIMIT_BYTES)}"}`);
    expectProblem(answer, 413, 'payload-too-large');
  });

  it('is for organisers', async () => {
    const before = await newestEventId();
    expectProblem(await request('POST', '/v1/events', { body: eventBody(arenaPlan(5)) }), 401, 'unauthorised');
    expect(before).toBeDefined();
  });
});

describe('an event of another organiser', () => {
  it('cannot be closed', async () => {
    const sale = await Sale.open();
    const stranger = await organiser();
    const answer = await request('POST', `${sale.path}/close`, { token: stranger });
    if (stranger === sale.organiserToken) expect(answer.status).toBe(200);
    else expectProblem(answer, 404, 'unknown-event');
  });
});
