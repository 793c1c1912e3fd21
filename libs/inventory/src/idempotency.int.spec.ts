import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { extend, findReplays, inventoryMigrations } from './index';
import { hash, Sale } from './spec/sale';

let test: TestDatabase;
beforeAll(async () => (test = await testDatabase([inventoryMigrations])));
afterAll(() => test.drop());

const open = (): Promise<Sale> => Sale.open(test.database, 4);

describe('the same key again', () => {
  it('gives the first answer of hold again, also after the hold has changed', async () => {
    const sale = await open();
    const first = await sale.tryHold('ann', ['S000'], 'key');
    if (first.outcome !== 'held') throw new Error('refused');
    const { holdId } = first.hold;
    await extend(sale.db, sale.eventId, [{ holdId, buyerId: 'ann', key: 'extend', bodyHash: hash('x'), seconds: 700 }]);
    await sale.book(first.hold);
    expect(await sale.tryHold('ann', ['S000'], 'key')).toMatchObject({
      outcome: 'held',
      replayed: true,
      hold: first.hold,
    });
    const asked = (buyerId: string, key: string, body: string) => ({
      holdId: newId(),
      buyerId,
      key,
      bodyHash: hash(body),
    });
    const lookups = [
      asked('bob', 'key', 'body'),
      asked('ann', 'key', 'body'),
      asked('ann', 'key', 'another'),
      asked('ann', 'other', 'body'),
    ];
    expect(await findReplays(sale.db, sale.eventId, lookups)).toMatchObject([
      undefined,
      { outcome: 'held', replayed: true, hold: first.hold },
      { outcome: 'key-reused' },
      undefined,
    ]);
  });

  it('refuses another body under the key, and keeps keys of buyers apart', async () => {
    const sale = await open();
    await sale.hold('ann', ['S000'], 'key');
    expect(await sale.tryHold('ann', ['S001'], 'key', 'another')).toEqual({ outcome: 'key-reused' });
    expect((await sale.tryHold('bob', ['S001'], 'key', 'another')).outcome).toBe('held');
  });

  it('records effects only: a refused hold may be asked again under its key', async () => {
    const sale = await open();
    const bob = await sale.hold('bob', ['S000']);
    expect((await sale.tryHold('ann', ['S000'], 'key')).outcome).toBe('seats-taken');
    await sale.runOut(bob.holdId);
    expect(await sale.tryHold('ann', ['S000'], 'key')).toMatchObject({ outcome: 'held', replayed: false });
  });

  it('gives the first answer of extend again, and refuses another body', async () => {
    const sale = await open();
    const { holdId } = await sale.hold('ann', ['S000']);
    const request = { holdId, buyerId: 'ann', key: 'key', bodyHash: hash('one'), seconds: 900 };
    const [first] = await extend(sale.db, sale.eventId, [request]);
    await extend(sale.db, sale.eventId, [{ ...request, key: 'other', seconds: 1_000 }]);
    const [again] = await extend(sale.db, sale.eventId, [request]);
    if (first?.outcome !== 'extended') throw new Error('refused');
    expect(again).toMatchObject({ outcome: 'extended', replayed: true, hold: first.hold });
    expect(await extend(sale.db, sale.eventId, [{ ...request, bodyHash: hash('two') }])).toEqual([
      { outcome: 'key-reused' },
    ]);
  });
});
