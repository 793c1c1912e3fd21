import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SESSION_SETTINGS } from '@holdfast/postgres';
import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { Client } from 'pg';
import { v7 as newId } from 'uuid';
import {
  beginPayment,
  book,
  dueHolds,
  endPayment,
  expire,
  extend,
  findReplays,
  hold,
  inventoryMigrations,
  lateBook,
  release,
  unbook,
} from './index';
import { Sale } from './spec/sale';

/**
 * A new sale has never been analysed. These tests look at the plans Postgres makes then, with tables big enough that a
 * scan would hurt: a wrong plan is not seen in a small test, it is seen on the day of the sale.
 */
let test: TestDatabase;
let sale: Sale;
let plansWhenEmpty: string;

beforeAll(async () => {
  test = await testDatabase([inventoryMigrations]);
  await test.database.query('ALTER TABLE inventory.seats SET (autovacuum_enabled = false)');
  await test.database.query('ALTER TABLE inventory.holds SET (autovacuum_enabled = false)');
  await test.database.query('ALTER TABLE inventory.buyers SET (autovacuum_enabled = false)');
  const settings = { seatsPerHoldMax: 10, seatsPerBuyerMax: 10, latePayment: 'same-seats-if-free' } as const;
  sale = await Sale.open(test.database, 1_000, settings);
  await test.database.query(
    `INSERT INTO inventory.seats (event_id, seat_id, ordinal, category)
     SELECT $1, 'X' || n, n, 0 FROM generate_series(1000, 40000) n`,
    [sale.eventId],
  );
  // As autovacuum leaves tables that nothing has been sold in yet: known to be empty.
  await test.database.query('VACUUM');
  plansWhenEmpty = await plansOf((here) => everyVerb(here, '1'));
  for (let i = 0; i < 300; i++) await sale.hold(`buyer-${i}`, [sale.seatIds[i] ?? '']);
});
afterAll(() => test.drop());

/** The plans of every statement that ran on a connection while `work` did, as auto_explain logs them. */
async function plansOf(work: (sale: Sale) => Promise<unknown>): Promise<string> {
  const notices: string[] = [];
  const client = new Client({ connectionString: test.url });
  client.on('notice', (notice) => notices.push(notice.message ?? ''));
  await client.connect();
  await client.query(`LOAD 'auto_explain'`);
  await client.query(`SET auto_explain.log_min_duration = 0; SET auto_explain.log_level = 'notice';
                      SET client_min_messages = 'notice'; ${SESSION_SETTINGS.map((setting) => `SET ${setting}`).join(';')}`);
  const onClient = Object.assign(Object.create(Object.getPrototypeOf(sale.db) as object) as typeof sale.db, {
    query: async (text: string, values: unknown[] = []) => (await client.query(text, values)).rows as never,
  });
  const here = Object.assign(Object.create(Object.getPrototypeOf(sale) as object) as Sale, sale, { db: onClient });
  await work(here);
  await client.end();
  return notices.join('\n');
}

/** Where a plan reads a table from end to end, or all that an event has in it. */
const scans = (plan: string): string[] => [
  ...(plan.match(/Seq Scan on (seats|holds|buyers|fences|unbookings|idempotency_keys)/g) ?? []),
  ...(plan.match(
    /(seats|holds|buyers|fences|unbookings|idempotency_keys)\w* [^\n]*\n\s+Index Cond: \(event_id = '[^']*'::uuid\)$/gm,
  ) ?? []),
];

it('hold, on tables never analysed, finds seats, buyers and keys by their indexes', async () => {
  const plan = await plansOf((here) => here.hold('newcomer', ['S900', 'S901']));
  expect(plan).toContain('seats_pkey');
  expect(plan).toContain('holds_event_id_buyer_id_hold_key_key');
  expect(scans(plan)).toEqual([]);
});

it('a batch of fifty holds too', async () => {
  const requests = Array.from({ length: 50 }, (_, i) => ({
    holdId: `00000000-0000-7000-8000-0000000000${String(i).padStart(2, '0')}`,
    buyerId: `batch-${i}`,
    key: 'k',
    bodyHash: Buffer.from('b'),
    seatIds: [sale.seatIds[400 + i] ?? ''],
  }));
  const plan = await plansOf((here) => hold(here.db, here.eventId, requests));
  expect(plan).toContain('seats_pkey');
  expect(scans(plan)).toEqual([]);
});

it('keys are looked up by their index, without a look at the seats of those that have no hold', async () => {
  const keys = Array.from({ length: 200 }, (_, i) => ({
    holdId: newId(),
    buyerId: `loser-${i}`,
    key: 'k',
    bodyHash: Buffer.from('b'),
  }));
  const plan = await plansOf((here) => findReplays(here.db, here.eventId, keys));
  expect(plan).toContain('holds_event_id_buyer_id_hold_key_key');
  expect(plan).not.toContain('seats_pkey');
  expect(scans(plan)).toEqual([]);
});

it('expire finds holds and seats by their indexes', async () => {
  const held = await sale.hold('leaver', ['S910', 'S911']);
  const plan = await plansOf((here) => expire(here.db, here.eventId, [held.holdId], 'due'));
  expect(plan).toContain('holds_pkey');
  expect(scans(plan)).toEqual([]);
  // Every hold of a batch compared with every other one: 250,000 pairs for 500.
  expect(plan).not.toMatch(/Join Filter: \(\w+\.hold_id = \w+\.hold_id\)/);
});

it('so do all verbs, and those planned while nothing was sold, whose plans are kept', async () => {
  expect(scans(await plansOf((here) => everyVerb(here, '2')))).toEqual([]);
  expect(plansWhenEmpty).toContain('fences_pkey');
  expect(plansWhenEmpty).toContain('unbookings_pkey');
  expect(scans(plansWhenEmpty)).toEqual([]);
});

async function everyVerb(here: Sale, suffix: string): Promise<void> {
  const { db, eventId } = here;
  const payer = await here.hold(`payer-${suffix}`, [`S92${suffix}`, `S93${suffix}`]);
  const leaver = await here.hold(`leaver-${suffix}`, [`S94${suffix}`, `S95${suffix}`]);
  const [attemptId, other] = [newId(), newId()];
  const { holdId, buyerId } = payer;
  const longer = { holdId, buyerId, bodyHash: Buffer.from('b'), seconds: 900 };
  await extend(db, eventId, [{ ...longer, key: 'k' }]);
  await extend(db, eventId, [{ ...longer, key: 'refused', version: 1 }]);
  await beginPayment(db, eventId, [{ attemptId, holdId, buyerId }]);
  await book(db, eventId, [{ attemptId, holdId, version: 2 }]);
  await unbook(db, eventId, [{ attemptId, holdId, refundId: newId(), reason: 'refunded', seatIds: [`S92${suffix}`] }]);
  await unbook(db, eventId, [{ attemptId, holdId, refundId: newId(), reason: 'refunded' }]);
  const late = await here.payLate(`late-${suffix}`, [`S96${suffix}`, `S97${suffix}`]);
  const newHoldId = newId();
  await lateBook(db, eventId, { attemptId: late.attemptId, holdId: late.held.holdId, newHoldId });
  await endPayment(db, eventId, [{ attemptId: other, holdId: leaver.holdId, reason: 'declined' }]);
  await expire(db, eventId, [leaver.holdId], 'due');
  await release(db, eventId, [{ holdId: leaver.holdId, buyerId: leaver.buyerId }]);
  const states = [holdId, leaver.holdId, newHoldId].map((id) => sale.holdState(id));
  expect(await Promise.all(states)).toEqual(['unbooked', 'released', 'booked']);
}

it('the sweeper reads the due index only', async () => {
  const plan = await plansOf((here) => dueHolds(here.db, { overdueMs: 500, limit: 100 }));
  expect(plan).toContain('holds_due');
  expect(scans(plan)).toEqual([]);
});

it('no statement calls the clock bare in an index predicate', () => {
  const files = [__dirname, join(__dirname, 'verbs')].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts') && !name.includes('.spec.'))
      .map((name) => join(folder, name)),
  );
  const bare = files.filter((file) =>
    /(deadline|recorded_at|at) *<=? *clock_timestamp\(\)/.test(readFileSync(file, 'utf8')),
  );
  expect(bare).toEqual([]);
});
