import { onMessage, openBroker, ack, type Broker } from '@holdfast/broker';
import { SeatsChanged, type SeatsChangedEntry } from '@holdfast/contracts';
import { expire, inventoryMigrations, oldestUnpublished } from '@holdfast/inventory';
import { eventually, privateRabbitmq, testDatabase, type PrivateServer, type TestDatabase } from '@holdfast/testing';
import { LedgerRelay } from './ledger-relay';
import { runOut, sampleSale } from './sample-sale.spec';

const BROKER_START_MS = 120_000;
const SILENT = { log: () => undefined, warn: (_warning: string) => undefined, error: () => undefined };

let db: TestDatabase;
let rabbitmq: PrivateServer;
let broker: Broker;
const heard: SeatsChanged[] = [];
const relays: LedgerRelay[] = [];

beforeAll(async () => {
  [db, rabbitmq] = await Promise.all([testDatabase([inventoryMigrations]), privateRabbitmq()]);
  broker = openBroker({ url: rabbitmq.url, name: 'relay-spec', confirmTimeoutMs: 1_000 });
  await broker.whenReady(BROKER_START_MS);
  const reader = await broker.subscribe({ queue: 'relay-spec', prefetch: 100 }, [
    onMessage(SeatsChanged, (message) => {
      heard.push(message);
      return Promise.resolve(ack);
    }),
  ]);
  await reader.whenConsuming(BROKER_START_MS);
}, BROKER_START_MS);

afterEach(() => Promise.all(relays.splice(0).map((relay) => relay.stop())));

afterAll(async () => {
  await broker.close();
  await Promise.all([db.drop(), rabbitmq.drop()]);
}, BROKER_START_MS);

const publish = (message: SeatsChanged): Promise<void> => broker.send(SeatsChanged, message);

function startRelay(publishing = publish, logger = SILENT): LedgerRelay {
  const relay = new LedgerRelay(db.database, publishing, () => undefined, logger);
  relays.push(relay);
  relay.start();
  return relay;
}

/** What a reader makes of the messages: ordered by number, repeats ignored. */
function storyOf(eventId: string): SeatsChangedEntry[] {
  const bySeq = new Map<number, SeatsChangedEntry>();
  for (const message of heard.filter((each) => each.eventId === eventId)) {
    for (const entry of message.entries) {
      const known = bySeq.get(entry.seq);
      if (known) expect(entry).toEqual(known);
      bySeq.set(entry.seq, entry);
    }
  }
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

const seqsOf = (eventId: string) => storyOf(eventId).map(({ seq }) => seq);
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('the ledger relay', () => {
  it('tells the story of every seat, in order and without gaps', async () => {
    const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 60 });
    startRelay();
    const [first, second] = [await sale.hold(1, 2), await sale.hold(3)];
    await runOut(db.database, first, 1);
    await expire(db.database, sale.eventId, [first.holdId], 'due');
    await eventually(() => storyOf(sale.eventId).length === 5);

    const story = storyOf(sale.eventId);
    expect(story.map(({ seq }) => seq)).toEqual(upTo(5));
    expect(story.map(({ kind, seatId, holdId, seatVersion }) => [kind, seatId, holdId, seatVersion])).toEqual([
      ['held', 'seat-1', first.holdId, 1],
      ['held', 'seat-2', first.holdId, 1],
      ['held', 'seat-3', second.holdId, 1],
      ['expired', 'seat-1', first.holdId, 2],
      ['expired', 'seat-2', first.holdId, 2],
    ]);
    await eventually(async () => (await oldestUnpublished(db.database)) === null);
  });

  it('stays gap-free with two relays at once, and cuts a long run into messages', async () => {
    const sale = await sampleSale(db.database, { seats: 1_200, holdSeconds: 60 });
    const holds = await Promise.all(
      Array.from({ length: 120 }, (_, hold) => sale.hold(...upTo(10).map((n) => hold * 10 + n))),
    );
    startRelay();
    startRelay();
    await eventually(() => storyOf(sale.eventId).length === 1_200);
    expect(seqsOf(sale.eventId)).toEqual(upTo(1_200));
    expect(new Set(storyOf(sale.eventId).map(({ holdId }) => holdId)).size).toBe(holds.length);
    for (const { entries } of heard) expect(entries.length).toBeLessThanOrEqual(500);
  });

  it('sends everything again from the first message on that was not confirmed', async () => {
    const sale = await sampleSale(db.database, { seats: 1_200, holdSeconds: 60 });
    await Promise.all(Array.from({ length: 120 }, (_, hold) => sale.hold(...upTo(10).map((n) => hold * 10 + n))));
    const beginnings: (number | undefined)[] = [];
    startRelay((message) => {
      const first = message.entries[0]?.seq;
      const isLost = first === 501 && !beginnings.includes(first);
      beginnings.push(first);
      return isLost ? Promise.reject(new Error('not confirmed')) : publish(message);
    });
    await eventually(() => storyOf(sale.eventId).length === 1_200);
    expect(beginnings).toEqual([1, 501, 1_001, 501, 1_001]);
    expect(seqsOf(sale.eventId)).toEqual(upTo(1_200));
    await eventually(async () => (await oldestUnpublished(db.database)) === null);
  });

  it('takes out an entry that is committed after later ones', async () => {
    const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 60 });
    startRelay();
    await db.database.transaction(async (late) => {
      await late.query(
        `WITH t AS (SELECT clock_timestamp() AS now), entry AS (
           INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, actor, at)
           SELECT $1, 'seat-9', 1, 'blocked', 'organiser', now FROM t)
         INSERT INTO inventory.ledger_unnumbered (event_id, batch_id, at, seat_ids, seat_versions)
         SELECT $1, gen_random_uuid(), now, '{seat-9}', '{1}' FROM t`,
        [sale.eventId],
      );
      await sale.hold(1);
      await eventually(() => storyOf(sale.eventId).length === 1);
      expect(storyOf(sale.eventId)).toMatchObject([{ seq: 1, seatId: 'seat-1' }]);
    });
    await eventually(() => storyOf(sale.eventId).length === 2);
    expect(storyOf(sale.eventId)).toMatchObject([{ seq: 1 }, { seq: 2, seatId: 'seat-9' }]);
  });

  it('takes out what is there when it stops', async () => {
    const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 60 });
    const relay = startRelay();
    await sale.hold(1);
    await relay.stop();
    expect(await oldestUnpublished(db.database)).toBeNull();
  });

  it('says when it stops and not all of it went out, and why', async () => {
    const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 60 });
    const warnings: string[] = [];
    const lost = () => Promise.reject(new Error('not confirmed'));
    const relay = startRelay(lost, { ...SILENT, warn: (warning: string) => void warnings.push(warning) });
    await sale.hold(1);
    await relay.stop();
    expect(warnings.at(-1)).toMatch(/^ledger: not all of it went out before the stop.*not confirmed$/);

    startRelay();
    await eventually(async () => (await oldestUnpublished(db.database)) === null);
    expect(seqsOf(sale.eventId)).toEqual([1]);
  });

  it(
    'keeps numbering while RabbitMQ is away, and goes on publishing where it stopped',
    async () => {
      const sale = await sampleSale(db.database, { seats: 10, holdSeconds: 60 });
      startRelay();
      await sale.hold(1);
      await eventually(() => storyOf(sale.eventId).length === 1);

      await rabbitmq.stop();
      await sale.hold(2, 3);
      const numbered = () =>
        db.database.query('SELECT unnest(seat_ids) FROM inventory.ledger_sequence WHERE event_id = $1', [sale.eventId]);
      await eventually(async () => (await numbered()).length === 3);
      expect(await oldestUnpublished(db.database)).not.toBeNull();

      await rabbitmq.start();
      await eventually(() => storyOf(sale.eventId).length === 3);
      expect(seqsOf(sale.eventId)).toEqual(upTo(3));
    },
    BROKER_START_MS,
  );
});
