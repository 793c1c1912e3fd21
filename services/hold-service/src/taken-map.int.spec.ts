import { openBroker, type Broker } from '@holdfast/broker';
import { SeatsChanged } from '@holdfast/contracts';
import { guardOwner } from '@holdfast/guard';
import { eventually } from '@holdfast/testing';
import { Connections } from './connections';
import { openSale, serviceUnderTest, type Caller, type ServiceUnderTest } from './spec/service-under-test';

const READY_MS = 30_000;
const START_MS = 60_000;
/** Nobody listens there. */
const AWAY = 'amqp://guest:guest@127.0.0.1:1';

const takenMap = (service: ServiceUnderTest) => service.app.get(Connections).holdPath.taken;

async function refusalsByMap(service: ServiceUnderTest): Promise<number> {
  const { body } = await service.app.inject('/metrics');
  return Number(/taken_map_refusals_total{.*} (\d+)/.exec(body)?.[1]);
}

/** Three instances of the service, on the same servers. */
async function instances(overrides: { rabbitmqUrl?: string } = {}): Promise<ServiceUnderTest[]> {
  const first = await serviceUnderTest(overrides);
  const { postgresUrl, redisUrl, redisKeyPrefix, rabbitmqUrl } = first.config;
  const same = { postgresUrl, redisUrl, redisKeyPrefix, rabbitmqUrl };
  return [first, await serviceUnderTest(same), await serviceUnderTest(same)];
}

describe.each([
  ['with RabbitMQ', {}],
  ['while RabbitMQ is away', { rabbitmqUrl: AWAY }],
])('several instances %s', (_, overrides) => {
  let services: ServiceUnderTest[];
  let anns: Caller[];
  let bens: Caller[];
  let path: string;

  beforeAll(async () => {
    services = await instances(overrides);
    anns = await Promise.all(services.map((service) => service.caller('ann', 'buyer')));
    bens = await Promise.all(services.map((service) => service.caller('ben', 'buyer')));
    const olga = await services[0]?.caller('olga', 'organiser');
    if (!olga) throw new Error('there is a first instance');
    path = `/v1/events/${await openSale(olga, { seatsPerBuyerMax: 100 })}/holds`;
  }, START_MS);

  afterAll(async () => {
    for (const service of services.reverse()) await service.close();
  });

  const take = (caller: Caller, seatId: string, key?: string) =>
    caller('POST', path, { body: { seats: [seatId] }, key });

  it('sell a released seat again through every one of them, though all knew it to be taken', async () => {
    for (const [nth, ann] of anns.entries()) {
      const seatId = `St-A-${nth + 1}`;
      const { status, headers } = await take(ann, seatId);
      expect(status).toBe(201);
      for (const ben of bens) {
        for (let click = 0; click < 3; click++) expect(await take(ben, seatId)).toMatchObject({ status: 409 });
      }
      expect(await ann('DELETE', String(headers.location))).toMatchObject({ status: 200 });
      for (const ben of bens) {
        let bought = '';
        await eventually(async () => {
          const answer = await take(ben, seatId);
          bought = String(answer.headers.location);
          return answer.status === 201;
        });
        expect(await ben('DELETE', bought)).toMatchObject({ status: 200 });
      }
    }
    for (const service of services) expect(await refusalsByMap(service)).toBeGreaterThan(0);
  });

  it('never refuse a replay by what another of them holds for it', async () => {
    const first = await take(anns[0] as Caller, 'St-B-1', 'k');
    expect(first.status).toBe(201);
    for (const ben of bens) await take(ben, 'St-B-1');
    for (const ann of anns) {
      expect(await take(ann, 'St-B-1', 'k')).toMatchObject({ status: 201, body: { holdId: first.body.holdId } });
    }
  });

  it('sell a seat once, and groups whole, however many ask at once through all of them', async () => {
    const groups = [
      ['St-C-1', 'St-C-2'],
      ['St-C-2', 'St-C-3'],
      ['St-C-3', 'St-C-1'],
    ];
    const clicks = Array.from({ length: 60 }, (_, nth) => ({
      caller: bens[nth % bens.length] as Caller,
      seats: groups[(nth % 7) % groups.length] ?? [],
    }));
    const answers = await Promise.all(clicks.map(({ caller, seats }) => caller('POST', path, { body: { seats } })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(clicks.length - 1);
  });
});

describe('a message that a seat is free', () => {
  let service: ServiceUnderTest;
  let client: Broker;

  beforeAll(async () => {
    service = await serviceUnderTest();
    client = openBroker({ url: service.config.rabbitmqUrl, name: 'spec' });
    await client.whenReady(READY_MS);
    await service.app.get(Connections).broker.whenReady(READY_MS);
  }, START_MS);

  afterAll(async () => {
    await client.close();
    await service.close();
  });

  it('ends what the map knows, before the bound would', async () => {
    const map = takenMap(service);
    const [owner, other] = [guardOwner('ann', 'k'), guardOwner('ben', 'k')];
    const eventId = '0198c0de-0000-7000-8000-000000000001';
    const holdId = '0198c0de-0000-7000-8000-000000000002';
    const freed = {
      seq: 1,
      kind: 'released',
      seatId: 'A1',
      holdId,
      seatVersion: 2,
      actor: 'buyer',
      reason: null,
    } as const;
    const message = Object.assign(new SeatsChanged(), {
      eventId,
      entries: [{ ...freed, at: new Date().toISOString() }],
    });
    // The bound never comes where the map's clock stands still. That of `eventually` must go on.
    jest.spyOn(map, 'now').mockReturnValue(map.now());
    map.note(eventId, [{ seatId: 'A1', state: 'held', holder: owner, msLeft: 60_000 }], map.now());
    expect(map.known(eventId, other, ['A1'])).toHaveLength(1);
    await client.send(SeatsChanged, message);
    await eventually(() => map.known(eventId, other, ['A1']).length === 0);
  });
});
