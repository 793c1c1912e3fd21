import { createHash } from 'node:crypto';
import { hold, inventoryMigrations } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { SeatMaps, type OpenSeatMap } from './seat-maps';
import { bareEvent } from './spec/bare-event';

const SEATS = 60_000;
const PART_BYTES_MAX = 64 * 1024;

interface Answer {
  states: string;
  versions: number[];
}

describe('seat maps', () => {
  let test: TestDatabase;
  let database: Database;
  let eventId: string;

  beforeAll(async () => {
    test = await testDatabase([inventoryMigrations]);
    ({ database } = test);
  });

  afterEach(() => jest.restoreAllMocks());
  afterAll(() => test.drop());

  const take = (seatId: string) =>
    hold(database, eventId, [
      { holdId: newId(), buyerId: 'ann', key: newId(), bodyHash: createHash('sha256').digest(), seatIds: [seatId] },
    ]);

  const textOf = (map: OpenSeatMap | undefined) => Buffer.concat([...map!.parts()]).toString();
  const answerOf = (map: OpenSeatMap | undefined) => JSON.parse(textOf(map)) as Answer;

  /** The next read, once its statement has been answered, waits for what is returned to be called. */
  function delayNextRead(): () => void {
    const query = database.query.bind(database);
    let goOn!: () => void;
    const told = new Promise<void>((resolve) => (goOn = resolve));
    jest.spyOn(database, 'query').mockImplementationOnce(async (text, values) => {
      const rows = await query(text, values);
      await told;
      return rows;
    });
    return goOn;
  }

  it('come in parts of bounded size that are the JSON of every seat, in the order of the layout', async () => {
    eventId = await bareEvent(database, { seats: SEATS });
    await database.query('UPDATE inventory.seats SET version = ordinal * 7 WHERE event_id = $1', [eventId]);
    await take('S5');
    const map = (await new SeatMaps(database).open(eventId))!;
    const parts = [...map.parts()];
    expect(parts.length).toBeGreaterThan(2);
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(PART_BYTES_MAX);
    expect(Buffer.concat(parts)).toHaveLength(map.bytes);
    const text = textOf(map);
    const { serverTime } = JSON.parse(text) as { serverTime: string };
    const versions = Array.from({ length: SEATS }, (_, nth) => (nth === 5 ? 36 : nth * 7));
    const expected = { eventId, states: `AAAAAH${'A'.repeat(SEATS - 6)}`, versions, serverTime };
    expect(text === JSON.stringify(expected)).toBe(true);
    expect(new Date(serverTime).toISOString()).toBe(serverTime);
  });

  it('are read once for all who ask while another read is under way, and tell nobody what is older than that', async () => {
    eventId = await bareEvent(database, { seats: 3 });
    const maps = new SeatMaps(database);
    const goOn = delayNextRead();
    const query = jest.spyOn(database, 'query');
    const before = maps.open(eventId);
    await take('S1');
    query.mockClear();
    const after = [maps.open(eventId), maps.open(eventId), maps.open(eventId)];
    goOn();
    expect(answerOf(await before)).toMatchObject({ states: 'AAA' });
    for (const map of await Promise.all(after)) expect(answerOf(map)).toMatchObject({ states: 'AHA' });
    expect(query).toHaveBeenCalledTimes(1);
    await maps.open(eventId);
    expect(query).toHaveBeenCalledTimes(2);
  });

  it('are read again for those who waited behind a read that failed', async () => {
    eventId = await bareEvent(database, { seats: 1 });
    const maps = new SeatMaps(database);
    jest.spyOn(database, 'query').mockRejectedValueOnce(new Error('away'));
    const [failed, waited] = await Promise.allSettled([maps.open(eventId), maps.open(eventId)]);
    expect(failed).toMatchObject({ status: 'rejected', reason: new Error('away') });
    expect(waited).toMatchObject({ status: 'fulfilled', value: { bytes: expect.any(Number) as number } });
  });

  it('are refused while slow readers have as much as they may, whom one and the same read costs once', async () => {
    eventId = await bareEvent(database, { seats: 1 });
    const maps = new SeatMaps(database, 1);
    const goOn = delayNextRead();
    const first = maps.open(eventId);
    const [second, third] = [maps.open(eventId), maps.open(eventId)];
    goOn();
    (await first)?.letGo();
    const slow = [await second, await third];
    await expect(maps.open(eventId)).rejects.toMatchObject({ code: 'overloaded' });
    slow[0]?.letGo();
    await expect(maps.open(eventId)).rejects.toMatchObject({ code: 'overloaded' });
    slow[1]?.letGo();
    expect(answerOf(await maps.open(eventId))).toMatchObject({ states: 'A' });
  });

  it('are not there for an unknown event', async () => {
    expect(await new SeatMaps(database).open(newId())).toBeUndefined();
  });
});
