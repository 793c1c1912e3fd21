import { inventoryMigrations } from '@holdfast/inventory';
import { openDatabase, type Database } from '@holdfast/postgres';
import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { Layouts } from './layouts';
import { bareEvent } from './spec/bare-event';

/** What a part may come to: 256 Ki characters, and one more so that none is cut, of three bytes each. */
const PART_BYTES_MAX = 3 * (256 * 1024 + 1);
/** Of which every second part would begin, or end, within a character. */
const LAYOUT = JSON.stringify({ text: `${'ä€😀'.repeat(200_000)}x${'😀'.repeat(200_000)}` });
const PARTS_MIN = 5;

describe('layouts', () => {
  let test: TestDatabase;
  let database: Database;
  let eventId: string;

  beforeAll(async () => {
    test = await testDatabase([inventoryMigrations]);
    database = openDatabase({ url: test.url, applicationName: 'layouts', connectionsMax: 1 });
    eventId = await bareEvent(database, { layout: LAYOUT });
  });

  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  async function collect(layout: AsyncIterable<Buffer>): Promise<Buffer[]> {
    const parts: Buffer[] = [];
    for await (const part of layout) parts.push(part);
    return parts;
  }

  const readAll = async (layouts: Layouts) => collect((await layouts.open(eventId))!);

  it('come in parts of bounded size that are the layout byte for byte', async () => {
    const parts = await readAll(new Layouts(database));
    expect(parts.length).toBeGreaterThanOrEqual(PARTS_MIN);
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(PART_BYTES_MAX);
    expect(Buffer.concat(parts).equals(Buffer.from(LAYOUT))).toBe(true);
  });

  it('are read once for all who ask, at once or later', async () => {
    const layouts = new Layouts(database);
    const query = jest.spyOn(database, 'query');
    const [first] = await Promise.all([readAll(layouts), readAll(layouts), readAll(layouts)]);
    await readAll(layouts);
    expect(query).toHaveBeenCalledTimes(first.length);
  });

  it('are whole for everybody where a part that comes drives out one that is awaited', async () => {
    const known = await readAll(new Layouts(database));
    const layouts = new Layouts(database, Math.max(...known.map(({ length }) => length)));
    const ahead = (await layouts.open(eventId))!;
    const parts = ahead[Symbol.asyncIterator]();
    const begun: Buffer[] = [];
    while (begun.length < 3) begun.push((await parts.next()).value as Buffer);
    const query = jest.spyOn(database, 'query');
    const [rest, all] = await Promise.all([collect(ahead), readAll(layouts)]);
    expect(Buffer.concat([...begun, ...rest]).equals(Buffer.from(LAYOUT))).toBe(true);
    expect(Buffer.concat(all).equals(Buffer.from(LAYOUT))).toBe(true);
    // What is not kept is read again.
    expect(query.mock.calls.length).toBeGreaterThan(known.length);
  });

  it('hold no connection between two parts', async () => {
    const slow = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const parts = (await new Layouts(database).open(eventId))![Symbol.asyncIterator]();
        await parts.next();
        await parts.next();
        return parts;
      }),
    );
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    for (const parts of slow) await parts.return?.();
  });

  it('are not there for an unknown event', async () => {
    expect(await new Layouts(database).open(newId())).toBeUndefined();
  });

  it('are asked for again after a fault', async () => {
    const layouts = new Layouts(database);
    jest.spyOn(database, 'query').mockRejectedValueOnce(new Error('away'));
    await expect(layouts.open(eventId)).rejects.toThrow('away');
    expect(Buffer.concat(await readAll(layouts)).equals(Buffer.from(LAYOUT))).toBe(true);
  });
});
