import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBroker, type Broker } from '@holdfast/broker';
import { HoldDeadlines } from '@holdfast/contracts';
import { eventually, testVhost, type TestVhost } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { timerEnvelope } from '../due-queue';
import { sendBaton } from './baton';
import { rebuildJournals } from './rebuild-journals';
import { ShardOwner } from './shard-owner';
import { shardQueue, wheelTopology } from './shards';

const READY_MS = 20_000;
const SHARD = 0;
const RENEWALS = 15;
const now = () => performance.timeOrigin + performance.now();

describe('the owner of a shard', () => {
  let vhost: TestVhost;
  let folder: string;
  const brokers: Broker[] = [];
  const owners: ShardOwner[] = [];

  beforeEach(async () => {
    [vhost, folder] = await Promise.all([testVhost(), mkdtemp(join(tmpdir(), 'holdfast-owner-'))]);
  });
  afterEach(async () => {
    await Promise.all(owners.splice(0).map((owner) => owner.stop()));
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
    await vhost.drop();
    await rm(folder, { recursive: true });
  });

  async function startOwner(renewBatonEveryMs?: number) {
    const broker = openBroker({ url: vhost.url, name: 'owner' });
    brokers.push(broker);
    await broker.whenReady(READY_MS);
    await broker.declare(wheelTopology);
    const said: string[] = [];
    const looked: string[] = [];
    let batonsSent = 0;
    const publish = broker.publish.bind(broker);
    broker.publish = async (envelope, body) => {
      if (envelope.messageName?.startsWith('wheel-baton')) batonsSent++;
      await publish(envelope, body);
    };
    const log = (_fields: object, message: string) => void said.push(message);
    const owner = new ShardOwner(SHARD, {
      broker,
      folder,
      now,
      onDue: (_eventId, holdIds) => {
        looked.push(...holdIds);
        return Promise.resolve({ again: [] });
      },
      counts: { due: 0, lookedAgain: 0, hops: 0 },
      log: { info: log, warn: log },
      rebuild: async (shard, journalId) => {
        said.push('rebuilt');
        await rebuildJournals(folder, [{ shard, journalId }], (async function* () {})());
      },
      renewBatonEveryMs,
    });
    owners.push(owner);
    await owner.start();
    return { owner, broker, said, looked, batonsSent: () => batonsSent };
  }

  /** A timer that is due at once. */
  async function sendTimer(broker: Broker): Promise<string> {
    const holdId = newId();
    const timer: HoldDeadlines = { eventId: newId(), deadline: new Date(now()).toISOString(), holdIds: [holdId] };
    await broker.publish(timerEnvelope(shardQueue(SHARD)), timer);
    return holdId;
  }

  it('keeps one baton, however often it is renewed, and hands it on', async () => {
    const first = await startOwner(20);
    await eventually(() => first.batonsSent() > RENEWALS);
    expect(first.said).toEqual(['rebuilt', 'Took over a shard of the timing wheel, from Postgres']);
    const next = await startOwner();
    await first.owner.stop();
    // Nothing else brings the shard to the next: there is no timer in the queue.
    await eventually(() => next.said.includes('Took over a shard of the timing wheel, from its journal'));
    expect(next.said).not.toContain('rebuilt');
  });

  it('does not take the batons of others for its own', async () => {
    const { broker, said, looked } = await startOwner();
    const holdId = await sendTimer(broker);
    await eventually(() => looked.includes(holdId));
    await sendBaton(broker, SHARD, newId());
    await sendBaton(broker, SHARD, null);
    const another = await sendTimer(broker);
    await eventually(() => looked.includes(another));
    expect(said.filter((line) => line === 'rebuilt').length).toBe(1);
  });
});
