import { release } from '@holdfast/inventory';
import { eventually } from '@holdfast/testing';
import { deleteEndpoint, enableEndpoint, pauseEndpoint, replayFrom, rotateSecret } from './endpoints';
import { listAttempts } from './deliveries';
import { CourierRig, MASTER_KEY } from './spec/courier-rig';
import { SampleEvent, upTo } from './spec/ledger';
import { Receiver, verified, type Received } from './spec/receiver';
import { v7 as newId } from 'uuid';

let rig: CourierRig;
let receiver: Receiver;
let event: SampleEvent;

beforeAll(async () => (rig = await CourierRig.open()));
beforeEach(async () => {
  receiver = await Receiver.start();
  event = await SampleEvent.open(rig.database);
});
afterEach(async () => {
  const faults = rig.faults.filter((fault) => !fault.includes('killed'));
  await receiver.stop();
  await rig.stopCouriers();
  await rig.database.query('DELETE FROM webhooks.endpoints');
  expect(faults).toEqual([]);
});
afterAll(() => rig.close());

const NO_BODY = Buffer.alloc(32);
const keyed = ({ eventId, endpointId }: { eventId: string; endpointId: string }) => ({
  eventId,
  endpointId,
  key: newId(),
  bodyHash: NO_BODY,
});
const last = (received: Received[]) => received.at(-1) ?? { headers: {}, body: '' };

describe('deliveries', () => {
  it('carry the ledger, signed, in order and without gaps, without naming a buyer', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    const holdId = await event.grow(2);
    rig.startCourier();
    await eventually(() => receiver.seqs.length === 2);
    await release(rig.database, event.eventId, [{ holdId, buyerId: `buyer-${holdId}` }]);
    await event.number();
    await eventually(() => receiver.seqs.length === 4);

    expect(receiver.seqs).toEqual([1, 2, 3, 4]);
    expect(verified(rig.secret(endpoint), last(receiver.received))).toMatchObject({
      type: 'seats.changed',
      data: {
        eventId: event.eventId,
        entries: [
          { seq: 3, kind: 'released', seatId: 'seat-1', holdId, seatVersion: 2, actor: 'buyer' },
          { seq: 4, kind: 'released', seatId: 'seat-2', holdId, seatVersion: 2, actor: 'buyer' },
        ],
      },
    });
    expect(receiver.received.map(({ body }) => body).join()).not.toContain('buyer-');
    expect(last(receiver.received).headers).toMatchObject({ 'content-type': 'application/json' });
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 4);
  });

  it('are cut into messages of a hundred entries, one at a time to an endpoint', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(350);
    let atOnce = 0;
    receiver.react = async () => {
      expect(++atOnce).toBe(1);
      await new Promise(setImmediate);
      atOnce--;
      return 200;
    };
    rig.startCourier();
    rig.startCourier();
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 350);
    expect(receiver.seqs).toEqual(upTo(350));
    expect(receiver.received).toHaveLength(4);
  });

  it('are only of the kinds that were asked for; the others are passed over', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url, ['released']);
    const holdId = await event.grow(600);
    await release(rig.database, event.eventId, [{ holdId, buyerId: `buyer-${holdId}` }]);
    await event.number();
    rig.startCourier();
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 1_200);
    expect(receiver.seqs).toEqual(upTo(1_200).slice(600));
  });

  it('are divided among couriers, each entry to each endpoint once', async () => {
    const others = await Promise.all(upTo(3).map(() => Receiver.start()));
    const all = [receiver, ...others];
    const endpoints = await Promise.all(all.map(({ url }) => rig.addEndpoint(event, url)));
    for (let nth = 0; nth < 10; nth++) await event.grow(50);
    rig.startCourier({ deliveriesMax: 2 });
    rig.startCourier({ deliveriesMax: 2 });
    for (const endpoint of endpoints) await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 500);
    for (const each of all) expect(each.seqs).toEqual(upTo(500));
    await Promise.all(others.map((each) => each.stop()));
  });

  it('do not wait for an endpoint that does not answer', async () => {
    const silent = await Receiver.start();
    silent.react = () => 'hang';
    await rig.addEndpoint(event, silent.url);
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(1);
    rig.startCourier();
    await eventually(() => silent.received.length === 1);
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 1);
    await silent.stop();
  });
});

describe('a delivery that fails', () => {
  it.each([
    ['500', () => 500 as const, 'refused', 'answered 500'],
    ['a redirect', () => 302 as const, 'refused', 'answered 302'],
    ['a hang-up', () => 'hang-up' as const, 'unreachable', 'not reached: ECONNRESET'],
    ['no answer in time', () => 'hang' as const, 'timed-out', 'no answer within 300 ms'],
  ])('by %s comes again as it was, and nothing overtakes it', async (_what, react, outcome, detail) => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(2);
    receiver.react = react;
    rig.startCourier({ timeoutMs: 300 });
    await eventually(async () => (await rig.read(endpoint)).failures === 1);
    const failed = await rig.read(endpoint);
    expect(failed).toMatchObject({ state: 'active', deliveredSeq: 0, lastFailure: detail });
    expect(failed.nextAt.getTime() - failed.serverTime.getTime()).toBeGreaterThan(3_000);
    expect(rig.attempts).toMatchObject([{ outcome, detail }]);

    await event.grow(1);
    receiver.react = () => 204;
    await rig.makeDue(endpoint);
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 3);
    expect(receiver.seqs).toEqual([1, 2, 1, 2, 3]);
    expect(receiver.ids[1]).toBe(receiver.ids[0]);
    expect(receiver.ids[2]).not.toBe(receiver.ids[0]);
    expect(await rig.read(endpoint)).toMatchObject({ failures: 0, lastFailure: detail });
    const log = await listAttempts(rig.database, event.eventId, endpoint.endpointId);
    expect(log.map((attempt) => [attempt.outcome, attempt.firstSeq, attempt.lastSeq])).toEqual([
      ['delivered', 3, 3],
      ['delivered', 1, 2],
      [outcome, 1, 2],
    ]);
  });

  it('because nobody listens comes again', async () => {
    const endpoint = await rig.addEndpoint(event, 'http://127.0.0.1:1/hooks');
    await event.grow(1);
    rig.startCourier();
    await eventually(async () => (await rig.read(endpoint)).failures === 1);
    expect((await rig.read(endpoint)).lastFailure).toBe('not reached: ECONNREFUSED');
  });

  it('waits as long as the receiver asks', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(1);
    receiver.react = () => 429;
    receiver.answerHeaders = { 'retry-after': '3600' };
    rig.startCourier();
    await eventually(async () => (await rig.read(endpoint)).failures === 1);
    const { nextAt, serverTime } = await rig.read(endpoint);
    expect(nextAt.getTime() - serverTime.getTime()).toBeGreaterThan(3_000_000);
  });

  it('for days disables the endpoint, which goes on where it was when it is enabled', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(2);
    receiver.react = () => 500;
    rig.startCourier();
    await eventually(async () => (await rig.read(endpoint)).failures === 1);
    await rig.ageFailure(endpoint, 119);
    await rig.makeDue(endpoint);
    await eventually(async () => (await rig.read(endpoint)).failures === 2);
    expect(await rig.read(endpoint)).toMatchObject({ state: 'active' });
    await rig.ageFailure(endpoint, 2);
    await rig.makeDue(endpoint);
    await eventually(async () => (await rig.read(endpoint)).failures === 3);
    expect(await rig.read(endpoint)).toMatchObject({ state: 'disabled', disabledReason: 'failing', deliveredSeq: 0 });

    receiver.react = () => 200;
    await enableEndpoint(rig.database, event.eventId, endpoint.endpointId);
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 2);
    expect(await rig.read(endpoint)).toMatchObject({ state: 'active', failures: 0, disabledReason: null });
  });

  it('by 410 Gone disables the endpoint at once', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(1);
    receiver.react = () => 410;
    rig.startCourier();
    await eventually(async () => (await rig.read(endpoint)).state === 'disabled');
    expect(await rig.read(endpoint)).toMatchObject({ disabledReason: 'gone', lastFailure: 'answered 410' });
  });

  it('leaves a bounded log behind', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    const courier = rig.startCourier();
    for (let nth = 0; nth < 60; nth++) {
      await event.grow(1);
      courier.wake(event);
      await eventually(() => receiver.received.length === nth + 1);
    }
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 60);
    const log = await listAttempts(rig.database, event.eventId, endpoint.endpointId);
    expect(log.map(({ firstSeq }) => firstSeq)).toEqual(upTo(60).slice(10).reverse());
  });
});

describe('after a crash', () => {
  it('between delivery and cursor the delivery comes again, with the same id', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(2);
    rig.startCourier({
      attempted: () => {
        throw new Error('killed');
      },
    });
    await eventually(() => rig.faults.length === 1);
    expect(await rig.read(endpoint)).toMatchObject({ deliveredSeq: 0 });
    await rig.stopCouriers();

    await event.grow(3);
    rig.startCourier();
    await rig.makeDue(endpoint);
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 5);
    expect(receiver.seqs).toEqual([1, 2, 1, 2, 3, 4, 5]);
    expect(receiver.ids[1]).toBe(receiver.ids[0]);
    expect(receiver.received[1]?.body).toBe(receiver.received[0]?.body);
  });

  it('nobody takes up the endpoint before the lease has run out, and a courier that comes back late moves nothing', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(1);
    let answerLate: (status: number) => void = () => undefined;
    receiver.react = () => new Promise<number>((resolve) => (answerLate = resolve));
    const slow = rig.startCourier({ deliveriesMax: 1 });
    await eventually(() => receiver.received.length === 1);
    // The other one looks at the event, as the bystander shows: it has both its hands free, the slow one has none.
    const bystander = await Receiver.start();
    const other = await rig.addEndpoint(event, bystander.url);
    rig.startCourier();
    await event.grow(1);
    await eventually(async () => (await rig.read(other)).deliveredSeq === 2);
    expect(receiver.received).toHaveLength(1);
    await bystander.stop();

    // The lease runs out: the other one repeats the delivery, refused this time.
    receiver.react = () => 500;
    await rig.makeDue(endpoint);
    await eventually(async () => (await rig.read(endpoint)).failures === 1);
    answerLate(204);
    await slow.stop();
    expect(await rig.read(endpoint)).toMatchObject({ deliveredSeq: 0, failures: 1 });
  });
});

describe('the organiser', () => {
  it('replays from any entry, with the ids that these entries had', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(120);
    rig.startCourier();
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 120);
    await replayFrom(rig.database, keyed(endpoint), 1);
    await eventually(() => receiver.received.length === 4);
    expect(receiver.ids.slice(2)).toEqual(receiver.ids.slice(0, 2));
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 120);
    await replayFrom(rig.database, keyed(endpoint), 119);
    await eventually(() => receiver.received.length === 5);
    expect(receiver.seqs).toEqual([...upTo(120), ...upTo(120), 119, 120]);
  });

  it('replays while a delivery is under way, whose end does not undo it', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(2);
    rig.startCourier();
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 2);
    let answer: (status: number) => void = () => undefined;
    receiver.react = () => new Promise<number>((resolve) => (answer = resolve));
    await event.grow(1);
    await eventually(() => receiver.received.length === 2);
    await replayFrom(rig.database, keyed(endpoint), 2);
    receiver.react = () => 204;
    answer(204);
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 3);
    expect(receiver.seqs).toEqual([1, 2, 3, 2, 3]);
  });

  it('skips what the receiver cannot take', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(3);
    receiver.react = ({ body }) => (body.includes('"seq":1,') ? 500 : 204);
    rig.startCourier();
    await eventually(async () => (await rig.read(endpoint)).failures === 1);
    await replayFrom(rig.database, keyed(endpoint), 2);
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 3);
    expect(receiver.seqs).toEqual([1, 2, 3, 2, 3]);
  });

  it('rotates the secret: both sign for a day, then the new one alone', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await rotateSecret(rig.database, keyed(endpoint), 24);
    await event.grow(1);
    rig.startCourier();
    await eventually(() => receiver.received.length === 1);
    for (const generation of [1, 2]) {
      expect(verified(rig.secret(endpoint, generation), last(receiver.received)).type).toBe('seats.changed');
    }
    await rig.database.query(`UPDATE webhooks.endpoints SET previous_signs_until = clock_timestamp()`);
    await event.grow(1);
    await eventually(() => receiver.received.length === 2);
    expect(verified(rig.secret(endpoint, 2), last(receiver.received)).type).toBe('seats.changed');
    expect(() => verified(rig.secret(endpoint, 1), last(receiver.received))).toThrow('No matching signature');
  });

  it('pauses and enables: nothing is sent between, nothing is lost', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    const bystander = await Receiver.start();
    const other = await rig.addEndpoint(event, bystander.url);
    await pauseEndpoint(rig.database, event.eventId, endpoint.endpointId);
    await event.grow(2);
    rig.startCourier();
    await eventually(async () => (await rig.read(other)).deliveredSeq === 2);
    expect(receiver.received).toEqual([]);
    await enableEndpoint(rig.database, event.eventId, endpoint.endpointId);
    await eventually(() => receiver.received.length === 1);
    expect(receiver.seqs).toEqual([1, 2]);
    await bystander.stop();
  });

  it('deletes an endpoint while a delivery is under way', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    await event.grow(1);
    let answer: (status: number) => void = () => undefined;
    receiver.react = () => new Promise<number>((resolve) => (answer = resolve));
    const courier = rig.startCourier();
    await eventually(() => receiver.received.length === 1);
    expect(await deleteEndpoint(rig.database, event.eventId, endpoint.endpointId)).toBe(true);
    answer(204);
    await courier.stop();
    expect(rig.faults).toEqual([]);
  });
});

describe('a name that leads elsewhere after it was registered', () => {
  it('gets nothing once it leads to a private address (DNS rebinding)', async () => {
    const endpoint = await rig.addEndpoint(event, `https://hooks.example.com:${receiver.port}/`);
    await event.grow(1);
    const resolve = () => Promise.resolve(['127.0.0.1']);
    rig.startCourier({ allowedNetworks: [], resolve });
    await eventually(async () => (await rig.read(endpoint)).failures === 1);
    expect(rig.attempts).toMatchObject([{ outcome: 'not-allowed', detail: 'url must lead to public addresses only' }]);
    expect(receiver.received).toEqual([]);
  });

  it('is looked up once for each delivery, and that answer alone counts', async () => {
    await rig.addEndpoint(event, `http://hooks.example.com:${receiver.port}/`);
    await event.grow(1);
    // Checked and connected by one look-up: what a second one would say does not matter.
    const answers = [['127.0.0.1'], ['10.255.255.1']];
    rig.startCourier({ resolve: () => Promise.resolve(answers.shift() ?? []) });
    await eventually(() => receiver.received.length === 1);
    expect(answers).toHaveLength(1);
    expect(last(receiver.received).headers.host).toBe(`hooks.example.com:${receiver.port}`);
  });

  it('is tried again later while it leads nowhere', async () => {
    const endpoint = await rig.addEndpoint(event, 'https://hooks.example.com/');
    await event.grow(1);
    rig.startCourier({ resolve: () => Promise.resolve([]) });
    await eventually(async () => (await rig.read(endpoint)).failures === 1);
    expect(rig.attempts).toMatchObject([{ outcome: 'unreachable' }]);
  });
});

it('a master key that takes the place of another signs beside it while both are given', async () => {
  const endpoint = await rig.addEndpoint(event, receiver.url);
  await event.grow(1);
  rig.startCourier({ keys: { current: `${MASTER_KEY}, the next`, previous: MASTER_KEY } });
  await eventually(() => receiver.received.length === 1);
  expect(verified(rig.secret(endpoint), last(receiver.received)).type).toBe('seats.changed');
});
