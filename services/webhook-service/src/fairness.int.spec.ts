import type { Database } from '@holdfast/postgres';
import { eventually } from '@holdfast/testing';
import { readFigures, takeTurns, type Taking } from './deliveries';
import type { Endpoint } from './endpoints';
import { CourierRig } from './spec/courier-rig';
import { SampleEvent } from './spec/ledger';
import { Receiver } from './spec/receiver';

let rig: CourierRig;
const receivers: Receiver[] = [];

beforeAll(async () => (rig = await CourierRig.open()));
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.stop()));
  await rig.stopCouriers();
  await rig.database.query('DELETE FROM webhooks.endpoints');
});
afterAll(() => rig.close());

async function startReceiver(): Promise<Receiver> {
  const receiver = await Receiver.start();
  receivers.push(receiver);
  return receiver;
}

/** So many endpoints of an event, each with one entry to be told of. */
async function addDue(organiserId: string, url: string, endpoints: number): Promise<Endpoint[]> {
  const event = await SampleEvent.open(rig.database, organiserId);
  const added: Endpoint[] = [];
  for (let nth = 0; nth < endpoints; nth++) added.push(await rig.addEndpoint(event, url));
  await event.grow(1);
  return added;
}

const delivered = async (endpoint: Endpoint) => (await rig.read(endpoint)).deliveredSeq;

describe('an organiser whose receivers hang', () => {
  it('delays nobody else: they have their share of the deliveries under way, and the others go on', async () => {
    const [hanging, other] = [await startReceiver(), await startReceiver()];
    let open: (status: number) => void = () => undefined;
    const gate = new Promise<number>((resolve) => (open = resolve));
    hanging.react = () => gate;
    const stuck = await addDue('hangs', hanging.url, 6);
    const courier = rig.startCourier({ deliveriesMax: 4, deliveriesPerOrganiserMax: 2 });
    await eventually(() => hanging.received.length === 2);

    const event = await SampleEvent.open(rig.database, 'answers');
    const endpoints = [await rig.addEndpoint(event, other.url), await rig.addEndpoint(event, other.url)];
    for (let seq = 1; seq <= 3; seq++) {
      await event.grow(1);
      for (const endpoint of endpoints) await eventually(async () => (await delivered(endpoint)) === seq);
    }
    expect(hanging.received).toHaveLength(2);
    expect(courier.organisersFull()).toEqual(['hangs']);
    expect(await readFigures(rig.database, courier.organisersFull())).toMatchObject({ waiting: 4, heldBack: 4 });

    open(204);
    for (const endpoint of stuck) await eventually(async () => (await delivered(endpoint)) === 1);
    await eventually(() => courier.organisersFull().length === 0);
    expect(await readFigures(rig.database, [])).toMatchObject({ waiting: 0, heldBack: 0 });
  });
});

describe('a place that comes free', () => {
  it('goes to whoever has waited for it, not to the backlog of the endpoint that left it', async () => {
    const [busy, patient] = [await startReceiver(), await startReceiver()];
    const order: string[] = [];
    busy.react = () => (order.push('busy'), 204);
    patient.react = () => (order.push('patient'), 204);
    const event = await SampleEvent.open(rig.database, 'one');
    const backlog = await rig.addEndpoint(event, busy.url);
    await event.grow(500);
    const [second] = await addDue('one', patient.url, 1);
    const [stranger] = await addDue('two', patient.url, 1);
    if (!second || !stranger) throw new Error('two were added');
    rig.startCourier({ deliveriesMax: 1, deliveriesPerOrganiserMax: 1, pollMs: 60_000 });
    await eventually(async () => (await delivered(backlog)) === 500);
    expect(order).toEqual(['busy', 'patient', 'patient', 'busy', 'busy', 'busy', 'busy']);
  });
});

describe('turns', () => {
  const take = (changes: Partial<Taking> = {}) =>
    takeTurns(rig.database, { limit: 10, perOrganiser: 3, inHand: new Map(), leaseMs: 60_000, ...changes });

  /** Due for so many seconds. */
  const age = (endpoints: Endpoint[], seconds: number) =>
    rig.database.query(
      `UPDATE webhooks.endpoints SET next_at = clock_timestamp() - $2 * interval '1 s' WHERE endpoint_id = ANY ($1)`,
      [endpoints.map(({ endpointId }) => endpointId), seconds],
    );

  const URL = 'https://hooks.example.com/';

  it('are taken one of each organiser first, and of each as many as it may have', async () => {
    await age(await addDue('a', URL, 5), 300);
    await age(await addDue('b', URL, 1), 200);
    await age(await addDue('c', URL, 2), 100);
    const { turns, waiting } = await take({ limit: 4 });
    expect(turns.map(({ organiserId }) => organiserId).sort()).toEqual(['a', 'a', 'b', 'c']);
    expect(waiting.sort()).toEqual(['a', 'c']);
    const rest = await take({ inHand: new Map([['a', 2]]) });
    expect(rest.turns.map(({ organiserId }) => organiserId).sort()).toEqual(['a', 'c']);
    expect(rest.waiting).toEqual(['a']);
  });

  it('are counted with those that are in hand: who has most comes last', async () => {
    await age(await addDue('a', URL, 5), 300);
    await age(await addDue('b', URL, 2), 200);
    const taken = await take({ limit: 2, inHand: new Map([['a', 2]]) });
    expect(taken.turns.map(({ organiserId }) => organiserId)).toEqual(['b', 'b']);
    expect(await take({ inHand: new Map([['a', 3]]) })).toEqual({ turns: [], waiting: ['a'] });
  });

  it('are taken of named events within the same bounds', async () => {
    const [a] = await addDue('a', URL, 5);
    await addDue('b', URL, 1);
    const eventIds = [a?.eventId ?? ''];
    const taken = await take({ eventIds, inHand: new Map([['a', 1]]) });
    expect(taken.turns.map(({ organiserId }) => organiserId)).toEqual(['a', 'a']);
    expect(taken.waiting).toEqual(['a']);
  });

  it('are each taken once by couriers that look at the same time', async () => {
    for (const organiser of ['a', 'b', 'c', 'd']) await addDue(organiser, URL, 3);
    const taken = await Promise.all(Array.from({ length: 5 }, () => take({ limit: 12 })));
    const ids = taken.flatMap(({ turns }) => turns.map(({ endpointId }) => endpointId));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(12);
  });
});

describe('a look at everybody', () => {
  const BACKLOG = 20_000;
  /** Far from one block for each endpoint that is due. */
  const BLOCKS_MAX = 1_000;

  it('does not read the backlog of one organiser', async () => {
    await rig.database.query(
      `WITH counters AS (
         INSERT INTO inventory.ledger_counters (event_id, last_seq)
         SELECT gen_random_uuid(), 1 FROM generate_series(1, $1::int / 10) RETURNING event_id
       )
       INSERT INTO webhooks.endpoints (event_id, endpoint_id, organiser_id, url, delivered_seq, next_at, created_at)
       SELECT event_id, gen_random_uuid(), 'hoarder', 'https://hooks.example.com/', 0, now(), now()
         FROM counters, generate_series(1, 10)`,
      [BACKLOG],
    );
    for (const organiser of ['a', 'b', 'z']) await addDue(organiser, 'https://hooks.example.com/', 2);
    const taking = { limit: 20, perOrganiser: 10, inHand: new Map([['hoarder', 4]]), leaseMs: 60_000 };
    const blocks = await blocksRead((database) => takeTurns(database, taking));
    expect(blocks).toBeLessThan(BLOCKS_MAX);

    const { turns, waiting } = await takeTurns(rig.database, taking);
    const organisers = turns.map(({ organiserId }) => organiserId);
    expect(organisers.filter((organiser) => organiser !== 'hoarder').sort()).toEqual(['a', 'a', 'b', 'b', 'z', 'z']);
    expect(organisers.filter((organiser) => organiser === 'hoarder')).toHaveLength(6);
    expect(waiting).toEqual(['hoarder']);
  });

  /** Blocks that a statement reads and writes, by what Postgres counts; what it took is given back. */
  async function blocksRead(work: (database: Database) => Promise<unknown>): Promise<number> {
    let blocks = 0;
    await rig.database.transaction(async (tx) => {
      const explaining = {
        query: async (text: string, values: unknown[]) => {
          const [row] = await tx.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
          const [{ Plan: plan }] = row?.['QUERY PLAN'] as [{ Plan: Record<string, number> }];
          blocks += (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
          return [];
        },
      } as unknown as Database;
      await work(explaining);
      await tx.query(`UPDATE webhooks.endpoints SET leased_until = NULL WHERE leased_until IS NOT NULL`);
    });
    return blocks;
  }
});
