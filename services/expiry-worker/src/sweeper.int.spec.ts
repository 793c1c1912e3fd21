import { expire, inventoryMigrations, type ExpireOutcome } from '@holdfast/inventory';
import { eventually, testDatabase, type TestDatabase } from '@holdfast/testing';
import { holdStates, runOut, sampleSale } from './sample-sale.spec';
import { Sweeper } from './sweeper';

let db: TestDatabase;
beforeAll(async () => (db = await testDatabase([inventoryMigrations])));
afterAll(() => db.drop());

function recorder() {
  const lines: { level: string; line: unknown }[] = [];
  const write = (level: string) => (line: unknown) => void lines.push({ level, line });
  return { lines, log: write('log'), warn: write('warn'), error: write('error') };
}

/** A sweeper that remembers what it released. */
function sweeper(logger = recorder(), inHand: string[] = []) {
  const released: string[] = [];
  const swept = (_eventId: string, outcomes: ExpireOutcome[]) =>
    released.push(...outcomes.filter(({ outcome }) => outcome === 'expired').map(({ holdId }) => holdId));
  return {
    sweeper: new Sweeper(db.database, (_eventId, holdId) => inHand.includes(holdId), swept, logger),
    released,
    logger,
  };
}

describe('the sweeper', () => {
  it('releases holds half a second overdue and leaves the younger ones to the engine', async () => {
    const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 60 });
    const [overdue, young, valid] = [await sale.hold(1, 2), await sale.hold(3), await sale.hold(4)];
    await runOut(db.database, overdue, 600);
    await runOut(db.database, young, 10);

    const { sweeper: sweep, released } = sweeper();
    expect(await sweep.sweep()).toEqual({ overdue: 1, released: 1 });
    expect(released).toEqual([overdue.holdId]);
    expect(await holdStates(db.database, sale.eventId)).toEqual({
      [overdue.holdId]: 'expired',
      [young.holdId]: 'held',
      [valid.holdId]: 'held',
    });
    // Nothing is left for the next test's sweeper to find.
    await expire(db.database, sale.eventId, [young.holdId], 'due');
  });

  it('leaves to the prompt path what it has in hand', async () => {
    const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 60 });
    const [inHand, forgotten] = [await sale.hold(1), await sale.hold(2)];
    for (const hold of [inHand, forgotten]) await runOut(db.database, hold, 600);
    const { sweeper: sweep } = sweeper(recorder(), [inHand.holdId]);
    expect(await sweep.sweep()).toEqual({ overdue: 1, released: 1 });
    expect(await holdStates(db.database, sale.eventId)).toEqual({
      [inHand.holdId]: 'held',
      [forgotten.holdId]: 'expired',
    });
    await expire(db.database, sale.eventId, [inHand.holdId], 'due');
  });

  it('releases each hold once when several instances sweep at the same time', async () => {
    const sale = await sampleSale(db.database, { seats: 60, holdSeconds: 60 });
    const holds = await Promise.all(Array.from({ length: 60 }, (_, index) => sale.hold(index + 1)));
    await Promise.all(holds.map((hold) => runOut(db.database, hold, 1_000)));

    const sweepers = Array.from({ length: 5 }, () => sweeper());
    await Promise.all(sweepers.map(({ sweeper: sweep }) => sweep.sweep()));
    await sweeper().sweeper.sweep();
    const ended = await db.database.query<{ hold_id: string; entries: number }>(
      `SELECT hold_id, count(*)::int AS entries FROM inventory.ledger
        WHERE event_id = $1 AND kind = 'expired' GROUP BY hold_id`,
      [sale.eventId],
    );
    expect(ended.map(({ hold_id }) => hold_id).sort()).toEqual(holds.map(({ holdId }) => holdId).sort());
    expect(ended.every(({ entries }) => entries === 1)).toBe(true);
    const released = sweepers.flatMap((each) => each.released);
    expect(new Set(released).size).toBe(released.length);
  });

  it('goes on by itself, and warns only of what it finds after the start', async () => {
    const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 60 });
    await runOut(db.database, await sale.hold(1), 1_000);
    const { sweeper: sweep, released, logger } = sweeper();
    sweep.start();
    try {
      await eventually(() => released.length === 1);
      expect(logger.lines.map(({ level }) => level)).toEqual(['log']);

      await runOut(db.database, await sale.hold(2), 1_000);
      await eventually(() => released.length === 2);
      await eventually(() => logger.lines.length === 2);
      expect(logger.lines.map(({ level }) => level)).toEqual(['log', 'warn']);
    } finally {
      await sweep.stop();
    }
  });
});
