import { testDatabase, type TestDatabase } from '@holdfast/testing';
import {
  expire,
  inventoryMigrations,
  markPublished,
  numberLedger,
  oldestUnpublished,
  readHistory,
  readUnpublished,
  type LedgerEntry,
} from './index';
import { Sale } from './spec/sale';

let test: TestDatabase;
let sale: Sale;
beforeAll(async () => (test = await testDatabase([inventoryMigrations])));
beforeEach(async () => {
  await numberLedger(test.database, { limit: 1_000 });
  sale = await Sale.open(test.database, 40);
});
afterAll(() => test.drop());

const unpublished = (entriesPerEventMax = 1_000, eventsMax = 1_000) =>
  readUnpublished(test.database, { eventsMax, entriesPerEventMax });
const entries = async (max?: number): Promise<LedgerEntry[]> =>
  (await unpublished(max)).find((batch) => batch.eventId === sale.eventId)?.entries ?? [];

it('numbers entries gap-free from one, in the order in which each seat changed', async () => {
  const held = await sale.hold('ann', ['S000', 'S001']);
  await sale.runOut(held.holdId);
  await sale.hold('bob', ['S001']);
  await expire(sale.db, sale.eventId, [held.holdId], 'due');
  await numberLedger(sale.db, { limit: 100 });
  expect(
    (await entries()).map(({ seq, seatId, seatVersion, kind }) => `${seq} ${seatId}@${seatVersion} ${kind}`),
  ).toEqual(['1 S000@1 held', '2 S001@1 held', '3 S001@2 expired', '4 S001@3 held', '5 S000@2 expired']);
});

it('numbers every event that waits, each by itself', async () => {
  const other = await Sale.open(test.database, 40);
  await sale.hold('ann', ['S000']);
  await other.hold('ann', ['S000', 'S001']);
  await sale.hold('bob', ['S001']);
  expect(await numberLedger(sale.db, { limit: 100 })).toBe(3);
  const all = await unpublished();
  const seqsOf = ({ eventId }: Sale) => all.find((batch) => batch.eventId === eventId)?.entries.map(({ seq }) => seq);
  expect([seqsOf(sale), seqsOf(other)]).toEqual([
    [1, 2],
    [1, 2],
  ]);
});

it('misses no commit that comes late', async () => {
  let commitLate = (): void => undefined;
  const wait = new Promise<void>((resolve) => (commitLate = resolve));
  const late = sale.db.transaction(async (tx) => {
    await tx.query(
      `INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, actor, at)
       VALUES ($1, 'S030', 1, 'blocked', 'organiser', clock_timestamp())`,
      [sale.eventId],
    );
    await tx.query(
      `INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
       VALUES ($1, gen_random_uuid(), clock_timestamp(), '{S030}', '{1}')`,
      [sale.eventId],
    );
    await wait;
  });
  await sale.hold('ann', ['S000']);
  await numberLedger(sale.db, { limit: 100 });
  expect(await entries()).toHaveLength(1);
  commitLate();
  await late;
  await numberLedger(sale.db, { limit: 100 });
  expect((await entries()).map(({ seq, seatId }) => [seq, seatId])).toEqual([
    [1, 'S000'],
    [2, 'S030'],
  ]);
});

it('stays gap-free and complete when several number at once while seats change', async () => {
  let done = false;
  const numbering = Array.from({ length: 4 }, async () => {
    while (!done) await numberLedger(sale.db, { limit: 3 });
  });
  await Promise.all(
    sale.seatIds.map(async (seatId, i) => {
      const held = await sale.hold(`buyer-${i}`, [seatId]);
      await sale.runOut(held.holdId);
      await expire(sale.db, sale.eventId, [held.holdId], 'due');
    }),
  );
  done = true;
  await Promise.all(numbering);
  while ((await numberLedger(sale.db, { limit: 1_000 })) > 0);
  const all = await entries();
  expect(all.map((entry) => entry.seq)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
  for (const seatId of sale.seatIds) {
    expect(all.filter((entry) => entry.seatId === seatId).map((entry) => entry.seatVersion)).toEqual([1, 2]);
  }
});

it('hands out what is not published, from where it stopped, and never moves back', async () => {
  await sale.hold('ann', ['S000', 'S001', 'S002']);
  await numberLedger(sale.db, { limit: 100 });
  expect((await entries(2)).map((entry) => entry.seq)).toEqual([1, 2]);
  await markPublished(sale.db, sale.eventId, 2);
  await markPublished(sale.db, sale.eventId, 1);
  expect((await entries()).map((entry) => entry.seq)).toEqual([3]);
  expect(await oldestUnpublished(sale.db)).toBeInstanceOf(Date);
  await markPublished(sale.db, sale.eventId, 3);
  expect(await entries()).toEqual([]);
});

it('hands out so many events at once, and each of them in the end', async () => {
  const sales = [sale, await Sale.open(test.database, 1), await Sale.open(test.database, 1)];
  for (const each of sales) await each.hold('ann', ['S000']);
  await numberLedger(test.database, { limit: 100 });
  const handedOut = new Set<string>();
  for (let some = await unpublished(1_000, 2); some.length > 0; some = await unpublished(1_000, 2)) {
    expect(some.length).toBeLessThanOrEqual(2);
    for (const { eventId, entries: ofEvent } of some) {
      handedOut.add(eventId);
      await markPublished(test.database, eventId, ofEvent.at(-1)?.seq ?? 0);
    }
  }
  expect([...handedOut]).toEqual(expect.arrayContaining(sales.map(({ eventId }) => eventId)));
});

it('knows the oldest entry that is not numbered yet', async () => {
  const { createdAt } = await sale.hold('ann', ['S000']);
  const oldest = await oldestUnpublished(sale.db);
  expect(oldest?.getTime()).toBeLessThanOrEqual(createdAt.getTime());
});

it('tells a buyer the history of their hold, and nobody else', async () => {
  const held = await sale.hold('ann', ['S000', 'S001']);
  await sale.runOut(held.holdId);
  await sale.hold('bob', ['S001']);
  await expire(sale.db, sale.eventId, [held.holdId], 'due');
  const history = await readHistory(sale.db, sale.eventId, held.holdId, 'ann');
  expect(history?.map(({ seatId, kind, reason }) => [seatId, kind, reason])).toEqual([
    ['S000', 'held', null],
    ['S001', 'held', null],
    ['S001', 'expired', 'taken-over'],
    ['S000', 'expired', 'due'],
  ]);
  expect(await readHistory(sale.db, sale.eventId, held.holdId, 'bob')).toBeUndefined();
});
