import { openBroker, type Broker } from '@holdfast/broker';
import { HoldDeadlines } from '@holdfast/contracts';
import { DatabaseClock, openScheduler, type ExpiryScheduler } from '@holdfast/expiry';
import { extend, inventoryMigrations, oldestUnpublished, release, type Hold } from '@holdfast/inventory';
import { migrate, openDatabase, type Database } from '@holdfast/postgres';
import { eventually, privatePostgres, privateRabbitmq, ServiceProcess, type PrivateServer } from '@holdfast/testing';
import { sampleSale } from './sample-sale.spec';

const SERVERS_START_MS = 120_000;

let postgres: PrivateServer;
let rabbitmq: PrivateServer;
let database: Database;
let clock: DatabaseClock;
let broker: Broker;
let scheduler: ExpiryScheduler;
const workers: ServiceProcess[] = [];

beforeAll(async () => {
  [postgres, rabbitmq] = await Promise.all([privatePostgres(), privateRabbitmq()]);
  await migrate(postgres.url, [inventoryMigrations]);
  database = openDatabase({ url: postgres.url, applicationName: 'worker-spec' });
  clock = await DatabaseClock.open(database);
  broker = openBroker({ url: rabbitmq.url, name: 'worker-spec', confirmTimeoutMs: 1_000 });
  await broker.whenReady(SERVERS_START_MS);
  scheduler = await openScheduler('parking', { rabbitmq: { broker, url: rabbitmq.url }, clock });
}, SERVERS_START_MS);

afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.kill())));

afterAll(async () => {
  await scheduler.close();
  await broker.close();
  await clock.close();
  await database.close();
  await Promise.all([postgres.drop(), rabbitmq.drop()]);
}, SERVERS_START_MS);

async function startWorker(engine = 'parking'): Promise<ServiceProcess> {
  const worker = await ServiceProcess.start('expiry-worker', {
    env: {
      HOLDFAST_POSTGRES_URL: postgres.url,
      HOLDFAST_RABBITMQ_URL: rabbitmq.url,
      HOLDFAST_EXPIRY_ENGINE: engine,
    },
  });
  workers.push(worker);
  return worker;
}

/** What the hold-service does after its commit. */
function schedule(...holds: Hold[]): void {
  scheduler.schedule(holds.map(({ eventId, holdId, deadline }) => ({ eventId, holdId, deadline })));
}

interface Ending {
  hold_id: string;
  state: string;
  reason: string | null;
  entries: number;
  late_ms: number;
}

/** How each hold of an event ended, by the ledger and the database's clock. */
const endingsOf = (eventId: string) =>
  database.query<Ending & { [column: string]: unknown }>(
    `SELECT h.hold_id, h.state, l.reason, l.entries, (extract(epoch FROM l.at - h.deadline) * 1000)::float8 AS late_ms
       FROM inventory.holds h
       JOIN LATERAL (SELECT min(reason) AS reason, count(*)::int AS entries, min(at) AS at
                       FROM inventory.ledger e
                      WHERE e.event_id = h.event_id AND e.hold_id = h.hold_id AND e.kind IN ('expired', 'released')) l
         ON l.entries > 0
      WHERE h.event_id = $1`,
    [eventId],
  );

async function expectReleasedOnce(eventId: string, holds: Hold[]): Promise<void> {
  await eventually(async () => (await endingsOf(eventId)).length === holds.length);
  for (const { state, entries, late_ms } of await endingsOf(eventId)) {
    expect(state).toBe('expired');
    expect(entries).toBe(1);
    expect(late_ms).toBeGreaterThanOrEqual(0);
  }
}

describe('the expiry-worker', () => {
  it('releases holds at their deadline: promptly, once, extended ones at the later deadline', async () => {
    const worker = await startWorker();
    const sale = await sampleSale(database, { seats: 20, holdSeconds: 1 });
    const holds = await Promise.all([1, 2, 3, 4, 5].map((seat) => sale.hold(seat)));
    const [extended, released] = [await sale.hold(6), await sale.hold(7)];
    schedule(...holds, extended, released);
    const owner = (hold: Hold) => ({ holdId: hold.holdId, buyerId: hold.buyerId });
    await release(database, sale.eventId, [owner(released)]);
    const bodyHash = Buffer.alloc(0);
    await extend(database, sale.eventId, [{ ...owner(extended), key: 'longer', bodyHash, seconds: 3 }]);

    await eventually(async () => (await endingsOf(sale.eventId)).length === 7);
    const endings = await endingsOf(sale.eventId);
    const ending = (hold: Hold) => endings.find(({ hold_id }) => hold_id === hold.holdId);
    for (const hold of [...holds, extended]) {
      expect(ending(hold)).toMatchObject({ state: 'expired', entries: 1 });
      expect(ending(hold)?.late_ms).toBeGreaterThanOrEqual(0);
    }
    expect(ending(released)).toMatchObject({ state: 'released', entries: 1 });
    // The sweeper waits for half a second: that the engine was first shows that timers work. On a busy machine not always.
    expect(endings.filter(({ reason }) => reason === 'due').length).toBeGreaterThanOrEqual(1);

    const metrics = await (await fetch(`${worker.url}/metrics`)).text();
    const figure = (name: string) => Number(new RegExp(`^holdfast_${name}{[^}]*} (.+)$`, 'm').exec(metrics)?.[1]);
    expect(figure('released_holds_total') + figure('swept_releases_total')).toBe(6);
    expect(figure('holds_looked_again_total')).toBeGreaterThanOrEqual(1);
    expect(metrics).toMatch(/holdfast_hold_lateness_seconds_count{.*by="engine".*} \d/);
  });

  it('counts the messages that were given up', async () => {
    const worker = await startWorker();
    const { exchange, messageName } = HoldDeadlines;
    const routingKey = HoldDeadlines.routingKey();
    await broker.publish(
      { exchange, routingKey, messageName, mandatory: true },
      { ...HoldDeadlines.example, eventId: 7 },
    );
    await eventually(async () =>
      /^holdfast_dead_letters{.*} 1$/m.test(await (await fetch(`${worker.url}/metrics`)).text()),
    );
  });

  it('releases each hold once with two workers, one of which is killed and comes back', async () => {
    const [first] = [await startWorker(), await startWorker()];
    const sale = await sampleSale(database, { seats: 50, holdSeconds: 2 });
    const holds = await Promise.all(Array.from({ length: 50 }, (_, seat) => sale.hold(seat + 1)));
    schedule(...holds);
    // Now timers are on their way and, from 1.5 s on, in the memory of both.
    await eventually(() => clock.now() > (holds[0]?.deadline.getTime() ?? 0) - 400);
    await first.kill();
    await expectReleasedOnce(sale.eventId, holds);
    await first.start();
  });

  it(
    'finds by the sweeper what was scheduled while RabbitMQ was away, and goes on with timers afterwards',
    async () => {
      await startWorker();
      await rabbitmq.stop();
      const sale = await sampleSale(database, { seats: 10, holdSeconds: 1 });
      const away = [await sale.hold(1), await sale.hold(2)];
      const droppedBefore = scheduler.counts.dropped;
      schedule(...away);
      await expectReleasedOnce(sale.eventId, away);
      expect((await endingsOf(sale.eventId)).map(({ reason }) => reason)).toEqual(['swept', 'swept']);
      await eventually(() => scheduler.counts.dropped === droppedBefore + 2);

      await rabbitmq.start();
      await broker.whenReady(SERVERS_START_MS);
      // The worker reconnects in its own time: until then the sweeper does its work, afterwards the engine.
      await eventually(async () => {
        const again = await sampleSale(database, { seats: 1, holdSeconds: 1 });
        const hold = await again.hold(1);
        schedule(hold);
        await expectReleasedOnce(again.eventId, [hold]);
        return (await endingsOf(again.eventId))[0]?.reason === 'due';
      });
    },
    SERVERS_START_MS,
  );

  it(
    'keeps due holds while Postgres is away, and releases them when it is back',
    async () => {
      await startWorker();
      const sale = await sampleSale(database, { seats: 10, holdSeconds: 2 });
      const holds = [await sale.hold(1), await sale.hold(2)];
      schedule(...holds);
      await eventually(() => scheduler.counts.waiting === 0);
      await postgres.stop();
      await eventually(() => clock.now() > (holds[1]?.deadline.getTime() ?? 0) + 300);
      await postgres.start();
      await expectReleasedOnce(sale.eventId, holds);
    },
    SERVERS_START_MS,
  );

  it('ends in good order on SIGTERM, with everything written also published', async () => {
    const worker = await startWorker();
    const sale = await sampleSale(database, { seats: 10, holdSeconds: 60 });
    await sale.hold(1);
    // Connected, and up to date.
    await eventually(async () => (await oldestUnpublished(database)) === null);
    await sale.hold(2);
    await worker.stop();
    expect(worker.log).toContain('SIGTERM: stopping');
    expect(worker.log).not.toMatch(/"level":"(error|fatal)"/);
    expect(await oldestUnpublished(database)).toBeNull();
  });

  it('does not start with an engine the broker cannot have, and says how to switch', async () => {
    await expect(startWorker('delayed-exchange')).rejects.toThrow(
      /no exchange type x-delayed-message.*HOLDFAST_EXPIRY_ENGINE=parking/,
    );
  });
});
