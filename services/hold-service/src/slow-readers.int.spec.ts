import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { eventually } from '@holdfast/testing';
import { SeatMaps, type OpenSeatMap } from './seat-maps';
import { bareEvent } from './spec/bare-event';
import { openSale, serviceUnderTest, type Caller, type ServiceUnderTest } from './spec/service-under-test';

const CONNECTIONS_MAX = 2;
const READERS = 2 * CONNECTIONS_MAX;
/** More than the sockets of a reader and of the service take in by themselves. */
const LARGE_BYTES = 24 * 1024 * 1024;
const PART_BYTES = 64 * 1024;
const LAYOUT = JSON.stringify({ text: 'x'.repeat(LARGE_BYTES) });

describe('slow readers', () => {
  let service: ServiceUnderTest;
  let olga: Caller;
  let ann: Caller;
  let origin: string;
  let path: string;

  beforeAll(async () => {
    service = await serviceUnderTest({ postgresConnectionsMax: CONNECTIONS_MAX });
    origin = await service.app.getUrl();
    olga = await service.caller('olga', 'organiser');
    ann = await service.caller('ann', 'buyer');
    path = `/v1/events/${await bareEvent(service.database.database, { layout: LAYOUT, seats: 1_000 })}`;
  });

  afterEach(() => jest.restoreAllMocks());
  afterAll(() => service.close());

  /** An answer whose first bytes have come, and of which no more is read until somebody does. */
  async function begin(what: string): Promise<IncomingMessage> {
    const [answer] = (await once(get(`${origin}${path}/${what}`), 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    return answer;
  }

  it('keep no connection of Postgres, and get their layout byte for byte', async () => {
    const slow = await Promise.all(Array.from({ length: READERS }, () => begin('layout')));
    const eventId = await openSale(olga);
    expect(await ann('POST', `/v1/events/${eventId}/holds`, { body: { seats: ['St-A-1'] } })).toMatchObject({
      status: 201,
    });
    const [gone, ...stay] = slow;
    gone!.destroy();
    const texts = await Promise.all(stay.map(async (answer) => Buffer.concat((await answer.toArray()) as Buffer[])));
    expect(texts.every((text) => text.equals(Buffer.from(LAYOUT)))).toBe(true);
  });

  it('of the seats are let go of when they have all, when they go away, and when they want no more than the headers', async () => {
    const maps = service.app.get(SeatMaps, { strict: false });
    const open = maps.open.bind(maps);
    let letGo = 0;
    const spied = jest.spyOn(maps, 'open').mockImplementation(async (id): Promise<OpenSeatMap | undefined> => {
      const map = await open(id);
      return map && { ...map, letGo: () => (letGo++, map.letGo()) };
    });
    const text = Buffer.concat((await (await begin('seats')).toArray()) as Buffer[]);
    await eventually(() => letGo === 1);
    const { headers, body } = await service.app.inject({ method: 'HEAD', url: `${path}/seats` });
    expect([headers['content-length'], body]).toEqual([String(text.length), '']);
    await eventually(() => letGo === 2);
    const large = Array<Buffer>(LARGE_BYTES / PART_BYTES).fill(Buffer.alloc(PART_BYTES));
    spied.mockResolvedValueOnce({ bytes: LARGE_BYTES, parts: () => large, letGo: () => letGo++ });
    (await begin('seats')).destroy();
    await eventually(() => letGo === 3);
  });
});
