import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBroker, type Broker } from '@holdfast/broker';
import { checkJournals, DatabaseClock, openScheduler, type ExpiryScheduler } from '@holdfast/expiry';
import { inventoryMigrations, type Hold } from '@holdfast/inventory';
import {
  eventually,
  privateRabbitmq,
  ServiceProcess,
  testDatabase,
  testVhost,
  type TestDatabase,
  type TestVhost,
} from '@holdfast/testing';
import { sampleSale } from './sample-sale.spec';

const READY_MS = 20_000;
const SERVER_STARTS_MS = 120_000;
const FAR_SECONDS = 600;

describe('the expiry-worker with the timing wheel', () => {
  let db: TestDatabase;
  let vhost: TestVhost;
  let clock: DatabaseClock;
  let broker: Broker;
  let scheduler: ExpiryScheduler;
  let root: string;
  const workers: ServiceProcess[] = [];

  beforeEach(async () => {
    [db, vhost, root] = await Promise.all([
      testDatabase([inventoryMigrations]),
      testVhost(),
      mkdtemp(join(tmpdir(), 'holdfast-worker-')),
    ]);
    clock = await DatabaseClock.open(db.database);
    broker = openBroker({ url: vhost.url, name: 'worker-spec' });
    await broker.whenReady(READY_MS);
    scheduler = await openScheduler('timing-wheel', { rabbitmq: { broker, url: vhost.url }, clock });
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.kill()));
    await scheduler.close();
    await broker.close();
    await clock.close();
    await Promise.all([db.drop(), vhost.drop(), rm(root, { recursive: true })]);
  });

  async function startWorker(folder: string, rabbitmqUrl = vhost.url): Promise<ServiceProcess> {
    const worker = await ServiceProcess.start('expiry-worker', {
      env: {
        HOLDFAST_POSTGRES_URL: db.url,
        HOLDFAST_RABBITMQ_URL: rabbitmqUrl,
        HOLDFAST_EXPIRY_ENGINE: 'timing-wheel',
        HOLDFAST_TIMER_JOURNAL: join(root, folder),
      },
    });
    workers.push(worker);
    return worker;
  }

  /** Holds in the journal of a worker's folder, `soon` of them with a deadline in a few seconds. */
  async function holdsJournalledIn(folder: string, soon: number): Promise<{ eventId: string; holds: Hold[] }> {
    const journals = () => checkJournals(join(root, folder));
    // The worker owns every shard, so that the holds do not run out while it still connects.
    await eventually(async () => (await journals()).every(({ state }) => state === 'whole'));
    const [sale, lasting] = await Promise.all([
      sampleSale(db.database, { seats: soon, holdSeconds: 4 }),
      sampleSale(db.database, { seats: 1, holdSeconds: FAR_SECONDS }),
    ]);
    const holds = await Promise.all(Array.from({ length: soon }, (_, seat) => sale.hold(seat + 1)));
    scheduler.schedule([...holds, await lasting.hold(1)]);
    await eventually(async () => (await journals()).reduce((sum, { timers }) => sum + timers, 0) === soon + 1);
    return { eventId: sale.eventId, holds };
  }

  /** How the holds of an event ended, by the ledger: each once, never early. Answers who noticed. */
  async function reasonsOf(eventId: string, holds: Hold[]): Promise<string[]> {
    const read = () =>
      db.database.query<{ reason: string; late_ms: number }>(
        `SELECT l.reason, (extract(epoch FROM l.at - h.deadline) * 1000)::float8 AS late_ms
           FROM inventory.ledger l JOIN inventory.holds h USING (event_id, hold_id)
          WHERE l.event_id = $1 AND l.kind = 'expired'`,
        [eventId],
      );
    await eventually(async () => (await read()).length >= holds.length);
    const ends = await read();
    expect(ends.length).toBe(holds.length);
    for (const { late_ms } of ends) expect(late_ms).toBeGreaterThanOrEqual(0);
    return ends.map(({ reason }) => reason);
  }

  it('has every timer again when it was killed and comes back', async () => {
    const worker = await startWorker('own');
    const { eventId, holds } = await holdsJournalledIn('own', 10);
    await worker.kill();
    await worker.start();
    await eventually(() => worker.log.includes('Restored a shard of the timing wheel'));
    // On a busy machine the sweeper may be first at some.
    expect(await reasonsOf(eventId, holds)).toContain('due');
  });

  it('hands its timers to a worker on the same folder when it is killed', async () => {
    const worker = await startWorker('shared');
    const other = await startWorker('shared');
    const { eventId, holds } = await holdsJournalledIn('shared', 10);
    await worker.kill();
    await eventually(() => other.log.includes('from its journal'));
    expect(await reasonsOf(eventId, holds)).toContain('due');
  });

  it('hands its timers to a worker with a disk of its own when it is killed', async () => {
    const worker = await startWorker('first');
    const other = await startWorker('second');
    const { eventId, holds } = await holdsJournalledIn('first', 10);
    await worker.kill();
    await eventually(() => other.log.includes('from Postgres'));
    expect(await reasonsOf(eventId, holds)).toContain('due');
  });

  it(
    'looks at its timers while RabbitMQ is away, also when it was killed meanwhile, and takes new ones when it is back',
    async () => {
      const rabbitmq = await privateRabbitmq();
      const holdSide = openBroker({ url: rabbitmq.url, name: 'worker-spec' });
      try {
        await holdSide.whenReady(SERVER_STARTS_MS);
        scheduler = await openScheduler('timing-wheel', { rabbitmq: { broker: holdSide, url: rabbitmq.url }, clock });
        const worker = await startWorker('own', rabbitmq.url);
        const { eventId, holds } = await holdsJournalledIn('own', 10);
        await rabbitmq.stop();
        await worker.kill();
        await worker.start();
        expect(worker.log).toContain('Restored a shard of the timing wheel');
        expect(await reasonsOf(eventId, holds)).toContain('due');

        await rabbitmq.start();
        await holdSide.whenReady(SERVER_STARTS_MS);
        await eventually(async () => {
          const again = await sampleSale(db.database, { seats: 1, holdSeconds: 1 });
          const hold = await again.hold(1);
          scheduler.schedule([hold]);
          return (await reasonsOf(again.eventId, [hold]))[0] === 'due';
        });
      } finally {
        await holdSide.close();
        await rabbitmq.drop();
      }
    },
    SERVER_STARTS_MS,
  );

  it('does not start on a journal that was changed, and names the command that mends it', async () => {
    const worker = await startWorker('own');
    await holdsJournalledIn('own', 3);
    await worker.kill();
    for (const { shard, timers } of await checkJournals(join(root, 'own'))) {
      if (timers === 0) continue;
      const folder = join(root, 'own', `shard-${shard}`);
      const segment = join(folder, (await readdir(folder))[0] ?? '');
      const bytes = await readFile(segment);
      // In the header: never torn where records follow it.
      bytes[10] = (bytes[10] ?? 0) ^ 1;
      await writeFile(segment, bytes);
    }
    await expect(worker.start()).rejects.toThrow(/is damaged: .*npm run -s timer-journal -- rebuild/);
  });
});
