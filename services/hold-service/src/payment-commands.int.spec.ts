import { openBroker, type Broker } from '@holdfast/broker';
import { BeginPayment, Book, EndPayment, LateBook, SeatsChanged, Unbook } from '@holdfast/contracts';
import { openRedis, whenRedisReady, type RedisClient } from '@holdfast/redis';
import { eventually } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { Connections } from './connections';
import {
  openSale,
  runOut,
  serviceUnderTest,
  type Body,
  type Caller,
  type ServiceUnderTest,
} from './spec/service-under-test';

const TIMEOUT_MS = 10_000;

describe('commands of payment-service', () => {
  let service: ServiceUnderTest;
  let client: Broker;
  let redis: RedisClient;
  let ann: Caller;
  let ben: Caller;
  let eventId: string;
  let path: string;

  beforeAll(async () => {
    service = await serviceUnderTest();
    client = openBroker({ url: service.config.rabbitmqUrl, name: 'spec' });
    await client.whenReady(TIMEOUT_MS);
    const { redisUrl, redisKeyPrefix } = service.config;
    redis = openRedis({ url: redisUrl, connectionName: 'spec', keyPrefix: redisKeyPrefix });
    await whenRedisReady(redis, TIMEOUT_MS);
    await service.app.get(Connections).broker.whenReady(TIMEOUT_MS);
    ann = await service.caller('ann', 'buyer');
    ben = await service.caller('ben', 'buyer');
    const olga = await service.caller('olga', 'organiser');
    eventId = await openSale(olga, {
      holdSeconds: 60,
      payGraceSeconds: 300,
      seatsPerBuyerMax: 1_000,
      latePayment: 'same-seats-if-free',
    });
    path = `/v1/events/${eventId}/holds`;
  });

  afterAll(async () => {
    await client.close();
    redis.disconnect();
    await service.close();
  });

  let nextSeat = 1;
  async function held(): Promise<{ holdId: string; seatId: string; body: Body }> {
    const seatId = nextSeat <= 12 ? `St-A-${nextSeat}` : `St-B-${nextSeat - 12}`;
    nextSeat++;
    const { status, body } = await ann('POST', path, { body: { seats: [seatId] } });
    expect(status).toBe(201);
    return { holdId: String(body.holdId), seatId, body };
  }

  const ask = { timeoutMs: TIMEOUT_MS };
  const begin = (holdId: string, attemptId: string, buyerId = 'ann', version?: number) =>
    client.request(BeginPayment, { eventId, holdId, attemptId, buyerId, version }, ask);
  const hold = async (holdId: string) => (await ann('GET', `${path}/${holdId}`)).body;
  const wanted = (seatId: string) => ben('POST', path, { body: { seats: [seatId] } });

  it('begins a payment, gives it time, and answers a repeat alike', async () => {
    const { holdId, seatId, body } = await held();
    const attemptId = newId();
    const begun = await begin(holdId, attemptId, 'ann', 1);
    expect(begun).toMatchObject({
      outcome: 'begun',
      replayed: false,
      amountMinor: 4_500,
      currency: 'EUR',
      seats: [{ seatId, priceMinor: 4_500 }],
      latePayment: 'same-seats-if-free',
    });
    if (begun.outcome !== 'begun') throw new Error('refused');
    expect(Date.parse(begun.deadline)).toBeGreaterThan(Date.parse(String(body.expiresAt)));
    expect(await hold(holdId)).toMatchObject({ expiresAt: begun.deadline, version: begun.version });
    expect(await begin(holdId, attemptId, 'ann', 1)).toMatchObject({
      replayed: true,
      deadline: begun.deadline,
      version: begun.version,
    });
    expect(await ann('POST', `${path}/${holdId}/extend`, { body: { seconds: 60 } })).toMatchObject({
      status: 409,
      body: { code: 'payment-in-progress' },
    });
  });

  it('refuses to begin where the hold is foreign, changed, being paid or run out', async () => {
    const { holdId } = await held();
    expect(await begin(holdId, newId(), 'ben')).toEqual({ outcome: 'refused', reason: 'unknown-hold' });
    expect(await begin(holdId, newId(), 'ann', 7)).toMatchObject({ outcome: 'refused', reason: 'stale-version' });
    await begin(holdId, newId());
    expect(await begin(holdId, newId())).toMatchObject({ outcome: 'refused', reason: 'payment-in-progress' });
    const late = await held();
    await runOut(service.database, eventId, late.holdId);
    expect(await begin(late.holdId, newId())).toMatchObject({
      outcome: 'refused',
      reason: 'expired',
      deadline: expect.any(String) as string,
    });
  });

  it('books the seats, gives them back, and the guard follows', async () => {
    const { holdId, seatId } = await held();
    const attemptId = newId();
    const begun = await begin(holdId, attemptId);
    if (begun.outcome !== 'begun') throw new Error('refused');
    const command = { eventId, holdId, attemptId };
    const booked = await client.request(Book, { ...command, version: begun.version }, ask);
    expect(booked).toMatchObject({ outcome: 'booked', replayed: false, seatIds: [seatId] });
    expect(await client.request(Book, { ...command, version: begun.version }, ask)).toMatchObject({
      outcome: 'booked',
      replayed: true,
    });
    expect(await hold(holdId)).toMatchObject({ state: 'booked' });
    expect(await wanted(seatId)).toMatchObject({ status: 409, body: { seats: [{ seatId, state: 'booked' }] } });
    expect(await ann('DELETE', `${path}/${holdId}`)).toMatchObject({
      status: 410,
      body: { code: 'hold-ended', state: 'booked' },
    });

    expect(await client.request(EndPayment, { ...command, reason: 'x' }, ask)).toEqual({ outcome: 'booked' });
    expect(await client.request(Unbook, { ...command, reason: 'capture-refused' }, ask)).toMatchObject({
      outcome: 'unbooked',
      replayed: false,
      seatIds: [seatId],
    });
    expect(await client.request(EndPayment, { ...command, reason: 'x' }, ask)).toMatchObject({ outcome: 'ended' });
    expect(await wanted(seatId)).toMatchObject({ status: 201 });
  });

  it('ends a payment for good: a late booking finds the refusal, and the hold may be paid again', async () => {
    const { holdId } = await held();
    const attemptId = newId();
    const begun = await begin(holdId, attemptId);
    if (begun.outcome !== 'begun') throw new Error('refused');
    expect(
      await client.request(EndPayment, { eventId, holdId, attemptId, reason: 'card-declined' }, ask),
    ).toMatchObject({ outcome: 'ended' });
    expect(await client.request(Book, { eventId, holdId, attemptId, version: begun.version }, ask)).toMatchObject({
      outcome: 'refused',
    });
    // Whatever the recorded reason is, the payer hears one of the reasons of the contract.
    expect(await begin(holdId, attemptId)).toEqual({ outcome: 'refused', reason: 'ended' });
    expect(await begin(holdId, newId())).toMatchObject({ outcome: 'begun' });
  });

  it('books the same seats for a payment that comes too late, by a hold that says which one it replaces', async () => {
    const { holdId, seatId } = await held();
    const attemptId = newId();
    const begun = await begin(holdId, attemptId);
    if (begun.outcome !== 'begun') throw new Error('refused');
    await runOut(service.database, eventId, holdId);
    const command = { eventId, holdId, attemptId };
    expect(await client.request(Book, { ...command, version: begun.version }, ask)).toEqual({
      outcome: 'refused',
      reason: 'expired',
    });
    const newHoldId = newId();
    const late = await client.request(LateBook, { ...command, newHoldId }, ask);
    expect(late).toMatchObject({ outcome: 'booked', replayed: false, holdId: newHoldId, seatIds: [seatId] });
    expect(await client.request(LateBook, { ...command, newHoldId }, ask)).toMatchObject({ replayed: true });
    expect(await hold(newHoldId)).toMatchObject({ state: 'booked', replacesHoldId: holdId });
    expect(await hold(holdId)).toMatchObject({ state: 'expired' });
    expect(await wanted(seatId)).toMatchObject({ status: 409, body: { seats: [{ seatId, state: 'booked' }] } });
  });

  it('refuses a late payment whose seats are gone, and says so again', async () => {
    const { holdId, seatId } = await held();
    const attemptId = newId();
    await begin(holdId, attemptId);
    await runOut(service.database, eventId, holdId);
    const next = newId();
    const bookLate = () => client.request(LateBook, { eventId, holdId, attemptId, newHoldId: next }, ask);
    await service.database.database.query(
      `UPDATE inventory.seats SET state = 'blocked', hold_id = NULL, deadline = NULL WHERE event_id = $1 AND seat_id = $2`,
      [eventId, seatId],
    );
    expect(await bookLate()).toEqual({ outcome: 'refused', reason: 'seats-taken' });
    expect(await bookLate()).toEqual({ outcome: 'refused', reason: 'seats-taken' });
    expect(await ann('GET', `${path}/${next}`)).toMatchObject({ status: 404 });
  });

  it('gives back single seats of a booking by their refund; the hold tells which, and the guard follows', async () => {
    const seats = ['Ba-A-1', 'Ba-A-2'];
    const { status, body } = await ann('POST', path, { body: { seats } });
    expect(status).toBe(201);
    const holdId = String(body.holdId);
    const attemptId = newId();
    const begun = await begin(holdId, attemptId);
    if (begun.outcome !== 'begun') throw new Error('refused');
    await client.request(Book, { eventId, holdId, attemptId, version: begun.version }, ask);
    const refund = { eventId, holdId, attemptId, refundId: newId(), reason: 'refunded', seatIds: ['Ba-A-2'] };
    const given = { outcome: 'unbooked', replayed: false, seatIds: ['Ba-A-2'] };
    expect(await client.request(Unbook, refund, ask)).toEqual(given);
    expect(await client.request(Unbook, refund, ask)).toEqual({ ...given, replayed: true });
    expect(await client.request(Unbook, { ...refund, refundId: newId() }, ask)).toEqual({
      outcome: 'refused',
      reason: 'already-unbooked',
    });
    const read = await hold(holdId);
    expect(read).toMatchObject({ state: 'booked', amountMinor: 6_000 });
    expect(read.seats).toEqual([
      { seatId: 'Ba-A-1', category: 'Balcony', priceMinor: 3_000 },
      { seatId: 'Ba-A-2', category: 'Balcony', priceMinor: 3_000, unbooked: true },
    ]);
    const { body: history } = await ann('GET', `${path}/${holdId}/history`);
    expect((history.entries as Body[]).at(-1)).toMatchObject({
      kind: 'unbooked',
      seatId: 'Ba-A-2',
      reason: 'refunded',
    });
    expect(await wanted('Ba-A-1')).toMatchObject({ status: 409 });
    // A repeat of the booking that comes when the guard remembers the refund no more.
    const forgotten = await redis.del(`holdfast:{${eventId}}:ended:${holdId}`);
    expect(forgotten).toBe(1);
    expect(await client.request(Book, { eventId, holdId, attemptId, version: begun.version }, ask)).toMatchObject({
      outcome: 'booked',
      replayed: true,
      seatIds: seats,
    });
    expect(await wanted('Ba-A-2')).toMatchObject({ status: 201 });
  });

  it('forgets a seat in the guard when the ledger says it is free', async () => {
    const { holdId, seatId } = await held();
    // Released behind the service's back, as the expiry-worker does; Redis still knows the hold.
    await runOut(service.database, eventId, holdId);
    expect(await wanted(seatId)).toMatchObject({ status: 409 });
    const entry = { seq: 1, kind: 'expired', seatId, holdId, seatVersion: 2, actor: 'system', reason: null } as const;
    await client.send(SeatsChanged, { eventId, entries: [{ ...entry, at: new Date().toISOString() }] });
    await eventually(async () => (await wanted(seatId)).status === 201);
  });
});
