import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { inventoryMigrations, outstandingHolds, release } from './index';
import { Sale } from './spec/sale';

let test: TestDatabase;
beforeAll(async () => (test = await testDatabase([inventoryMigrations])));
afterAll(() => test.drop());

describe('the outstanding holds', () => {
  it('are every held hold once, by deadline, over pages that end within one deadline', async () => {
    const sale = await Sale.open(test.database, 2);
    const [first, ended] = [await sale.hold('ann', ['S000']), await sale.hold('ben', ['S001'])];
    await release(test.database, sale.eventId, [{ holdId: ended.holdId, buyerId: 'ben' }]);
    // Two deadlines a microsecond apart, each shared by more holds than a page has.
    await test.database.query(
      `INSERT INTO inventory.holds (event_id, hold_id, buyer_id, hold_key, body_hash, seat_ids, seat_count, amount_minor,
                                    held_at, first_deadline, deadline)
       SELECT event_id, gen_random_uuid(), 'crowd', n::text, body_hash, seat_ids, 0, 0, held_at, deadline,
              deadline + (n % 2 + 1) * interval '1 microsecond'
         FROM inventory.holds, generate_series(1, 2500) n WHERE hold_id = $1`,
      [first.holdId],
    );
    const seen = [];
    let pages = 0;
    for await (const page of outstandingHolds(test.database)) {
      pages++;
      seen.push(...page);
    }
    expect(pages).toBe(3);
    expect(new Set(seen.map(({ holdId }) => holdId)).size).toBe(2_501);
    expect(seen.length).toBe(2_501);
    expect(seen[0]).toEqual({ eventId: sale.eventId, holdId: first.holdId, deadline: first.deadline });
    expect(seen.map(({ holdId }) => holdId)).not.toContain(ended.holdId);
  });
});
