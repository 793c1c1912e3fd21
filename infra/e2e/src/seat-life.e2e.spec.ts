import type { EventListBody } from '@holdfast/contracts';
import { eventually } from '@holdfast/testing';
import { expectProblem, request } from './api';
import { buyers, itWithBuyers } from './people';
import { PRICE_MINOR, Sale } from './sale';

const at = (iso: string) => Date.parse(iso);

describe('an event', () => {
  it('is created from a plan and read back with its seats, layout and counts', async () => {
    const sale = await Sale.open({ holdSeconds: 30, extensionsMax: 1 }, 400);
    const { eventId } = sale.event;
    expect(sale.event).toMatchObject({ seatCount: 400, currency: 'EUR', sale: { holdSeconds: 30, extensionsMax: 1 } });
    expect(await sale.read()).toMatchObject({ eventId, counts: { available: 400, held: 0, booked: 0, blocked: 0 } });
    const { body } = await request<EventListBody>('GET', '/v1/events?limit=200');
    expect(body.events.map((event) => event.eventId)).toContain(eventId);

    const layout = await sale.layout();
    const drawn = layout.zones.flatMap((zone) => zone.rows.flatMap((row) => row.seats.map((seat) => seat.seatId)));
    expect(drawn).toEqual(sale.seatIds);
    expect(new Set(layout.categories.map(({ name }) => name))).toEqual(new Set(['Floor', 'Lower Bowl']));
    expect((await sale.states(...sale.seatIds)).states).toBe('A'.repeat(400));
  });

  itWithBuyers(1)('is not on sale before its start, and not after its close; living holds go on', async () => {
    const [buyer = ''] = await buyers(1);
    const startsAt = '2100-01-01T00:00:00.000Z';
    const early = await Sale.open({ startsAt });
    const tooEarly = await early.hold(buyer, early.seatIds.slice(0, 1));
    expectProblem(tooEarly, 409, 'not-on-sale', { onSaleFrom: startsAt, closed: false });

    const sale = await Sale.open();
    const [one = '', other = ''] = sale.seatIds;
    const hold = await sale.held(buyer, [one]);
    const closed = await request('POST', `${sale.path}/close`, { token: sale.organiserToken });
    expect(closed.status).toBe(200);
    expectProblem(await sale.hold(buyer, [other]), 409, 'not-on-sale', { closed: true });
    expect((await sale.readHold(buyer, hold.holdId)).body.state).toBe('held');
  });
});

describe('a hold', () => {
  itWithBuyers(1)('takes its seats, says what they cost and until when they are kept', async () => {
    const sale = await Sale.open({ holdSeconds: 60 });
    const [buyer = ''] = await buyers(1);
    const seats = sale.seatIds.slice(3, 6);
    const hold = await sale.held(buyer, seats);
    expect(hold).toMatchObject({ state: 'held', amountMinor: 3 * PRICE_MINOR, currency: 'EUR', version: 1 });
    expect(hold.seats.map(({ seatId }) => seatId).sort()).toEqual([...seats].sort());
    const keptMs = at(hold.expiresAt) - at(hold.serverTime);
    expect(keptMs).toBeGreaterThan(0);
    // Deadlines are on a grid of 20 ms, later rather than earlier.
    expect(keptMs).toBeLessThanOrEqual(60_020);
    expect((await sale.readHold(buyer, hold.holdId)).body).toMatchObject({ holdId: hold.holdId, state: 'held' });
    expect((await sale.states(...seats)).states).toBe('HHH');
    const listed = await request<{ holds: { holdId: string }[] }>('GET', `${sale.path}/holds`, { token: buyer });
    expect(listed.body.holds.map(({ holdId }) => holdId)).toEqual([hold.holdId]);
  });

  itWithBuyers(2)('is all or nothing: the refusal names the taken seats and leaves the free ones free', async () => {
    const sale = await Sale.open();
    const [owner = '', other = ''] = await buyers(2);
    const [taken = '', free = ''] = sale.seatIds;
    await sale.held(owner, [taken]);
    const refused = await sale.hold(other, [free, taken]);
    expectProblem(refused, 409, 'seats-taken', { seats: [{ seatId: taken, state: 'held', heldByYou: false }] });
    const own = await sale.hold(owner, [taken]);
    expectProblem(own, 409, 'seats-taken', { seats: [{ seatId: taken, state: 'held', heldByYou: true }] });
    expect((await sale.states(free, taken)).states).toBe('AH');
  });

  itWithBuyers(2)('is released by its owner, and its seat can be had at once', async () => {
    const sale = await Sale.open();
    const [owner = '', next = ''] = await buyers(2);
    const [seat = ''] = sale.seatIds;
    const hold = await sale.held(owner, [seat]);
    expect((await sale.release(owner, hold.holdId)).body.state).toBe('released');
    expect((await sale.release(owner, hold.holdId)).status).toBe(200);
    const second = await sale.held(next, [seat]);
    expect((await sale.release(owner, hold.holdId)).status).toBe(200);
    expect((await sale.readHold(next, second.holdId)).body.state).toBe('held');
    expect((await sale.states(seat)).states).toBe('H');
  });

  itWithBuyers(2)('of somebody else is as unknown as one that never was', async () => {
    const sale = await Sale.open();
    const [owner = '', stranger = ''] = await buyers(2);
    const { holdId } = await sale.held(owner, sale.seatIds.slice(0, 1));
    for (const id of [holdId, '01930000-0000-7000-8000-000000000000', 'no-id']) {
      expectProblem(await sale.readHold(stranger, id), 404, 'unknown-hold');
      expectProblem(await sale.release(stranger, id), 404, 'unknown-hold');
      expectProblem(await sale.extend(stranger, id, { seconds: 5 }), 404, 'unknown-hold');
      expectProblem(await sale.history(stranger, id), 404, 'unknown-hold');
    }
    expect((await sale.readHold(owner, holdId)).body.state).toBe('held');
  });

  itWithBuyers(1)('is extended as often as the event allows, under the version its buyer saw', async () => {
    const sale = await Sale.open({ holdSeconds: 60, extensionsMax: 1, holdSecondsMax: 600 });
    const [buyer = ''] = await buyers(1);
    const hold = await sale.held(buyer, sale.seatIds.slice(0, 1));
    const stale = await sale.extend(buyer, hold.holdId, { seconds: 120, version: hold.version + 1 });
    expectProblem(stale, 409, 'stale-version', { version: hold.version });
    const extended = await sale.extend(buyer, hold.holdId, { seconds: 120, version: hold.version });
    expect(extended).toMatchObject({ status: 200, body: { extensionsLeft: 0, version: hold.version + 1 } });
    expect(at(extended.body.expiresAt)).toBeGreaterThan(at(hold.expiresAt));
    expectProblem(await sale.extend(buyer, hold.holdId, { seconds: 240 }), 409, 'no-extensions-left', { limit: 1 });
  });

  itWithBuyers(2)('that is abandoned is released at its deadline, never before, and sold again', async () => {
    const sale = await Sale.open({ holdSeconds: 2 });
    const [lost = '', next = ''] = await buyers(2);
    const [seat = ''] = sale.seatIds;
    const hold = await sale.held(lost, [seat]);

    const freed = await eventually(async () => {
      const { states, serverTime } = await sale.states(seat);
      return states === 'A' ? serverTime : undefined;
    });
    expect(at(freed)).toBeGreaterThanOrEqual(at(hold.expiresAt));

    const end = await eventually(async () => {
      const { body } = await sale.history(lost, hold.holdId);
      return body.entries.find(({ kind }) => kind === 'expired');
    });
    expect(end).toMatchObject({ seatId: seat, actor: 'system' });
    expect(at(end.at)).toBeGreaterThanOrEqual(at(hold.expiresAt));
    expect((await sale.readHold(lost, hold.holdId)).body.state).toBe('expired');
    expectProblem(await sale.extend(lost, hold.holdId, { seconds: 5 }), 410, 'hold-expired');
    expectProblem(await sale.release(lost, hold.holdId), 410, 'hold-expired');
    await sale.held(next, [seat]);
  });

  itWithBuyers(1)('tells its history: what happened, to which seat, when, by whom', async () => {
    const sale = await Sale.open({ holdSeconds: 60, extensionsMax: 1, holdSecondsMax: 600 });
    const [buyer = ''] = await buyers(1);
    const [seat = ''] = sale.seatIds;
    const hold = await sale.held(buyer, [seat]);
    await sale.extend(buyer, hold.holdId, { seconds: 120 });
    await sale.release(buyer, hold.holdId);
    const { body } = await sale.history(buyer, hold.holdId);
    expect(body.entries.map(({ kind, actor, seatId }) => `${kind} ${actor} ${seatId}`)).toEqual([
      `held buyer ${seat}`,
      `extended buyer ${seat}`,
      `released buyer ${seat}`,
    ]);
    expect(body.entries.map(({ seatVersion }) => seatVersion)).toEqual([1, 2, 3]);
    expect(JSON.stringify(body)).not.toContain('buyer-');
  });

  itWithBuyers(1)('is refused beyond the limits per hold and per buyer', async () => {
    const sale = await Sale.open({ seatsPerHoldMax: 3, seatsPerBuyerMax: 4 });
    const [buyer = ''] = await buyers(1);
    expectProblem(await sale.hold(buyer, sale.seatIds.slice(0, 4)), 422, 'too-many-seats', { limit: 3 });
    await sale.held(buyer, sale.seatIds.slice(0, 3));
    const over = await sale.hold(buyer, sale.seatIds.slice(3, 5));
    expectProblem(over, 409, 'buyer-limit', { limit: 4, holding: 3 });
    await sale.held(buyer, sale.seatIds.slice(3, 4));
  });
});

describe('a block', () => {
  itWithBuyers(1)('takes seats off sale until it is lifted, and never a held one', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const [house = '', held = ''] = sale.seatIds;
    const blocks = (method: 'POST' | 'DELETE', seats: string[]) =>
      request(method, `${sale.path}/blocks`, { token: sale.organiserToken, body: { seats } });

    expect(await blocks('POST', [house])).toMatchObject({ status: 200, body: { seats: [house], state: 'blocked' } });
    const refused = await sale.hold(buyer, [house]);
    expectProblem(refused, 409, 'seats-taken', { seats: [{ seatId: house, state: 'blocked', heldByYou: false }] });
    await sale.held(buyer, [held]);
    expectProblem(await blocks('POST', [held]), 409, 'seats-taken');
    expect((await sale.read()).counts).toMatchObject({ blocked: 1, held: 1 });

    expect((await blocks('DELETE', [house])).status).toBe(200);
    expect((await sale.hold(buyer, [house])).status).toBe(201);
  });

  itWithBuyers(1)('is for the organiser of the event alone', async () => {
    const sale = await Sale.open();
    const [buyer = ''] = await buyers(1);
    const body = { seats: sale.seatIds.slice(0, 1) };
    expectProblem(await request('POST', `${sale.path}/blocks`, { token: buyer, body }), 403, 'forbidden');
    expectProblem(await request('POST', `${sale.path}/close`, { token: buyer }), 403, 'forbidden');
    expect((await sale.states(...body.seats)).states).toBe('A');
  });
});
