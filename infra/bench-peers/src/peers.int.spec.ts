import { eventually, testDatabase, testServers, type TestDatabase } from '@holdfast/testing';
import { openPeer, PEERS } from './open-peer';
import type { PeerAddresses, ReleaseJob } from './peer';

const DELAY_MS = 700;
/** A date has whole milliseconds, the clocks of the servers and of this process differ by less than some of them. */
const CLOCKS_MS = 5;

describe.each(PEERS.flatMap((name) => [false, true].map((tuned) => ({ name, tuned }))))(
  'the peer $name (tuned: $tuned)',
  ({ name, tuned }) => {
    let db: TestDatabase;
    let addresses: PeerAddresses;

    beforeAll(async () => {
      db = await testDatabase([]);
      addresses = { postgresUrl: db.url, redisUrl: testServers().redisUrl };
    });
    afterAll(() => db.drop());

    it('calls for each job once its deadline has come', async () => {
      const deadlineMs = Date.now() + DELAY_MS;
      const jobs = [1, 2].map((nth): ReleaseJob => ({ eventId: 'e', holdIds: [`h${nth}`], deadlineMs }));
      const calledAt = new Map<string, number>();
      const peer = openPeer(name, tuned, addresses);
      try {
        await peer.schedule(jobs);
        await peer.work(({ holdIds: [holdId = ''] }) => {
          calledAt.set(holdId, Date.now());
          return Promise.resolve();
        });
        await eventually(() => calledAt.size === jobs.length);
      } finally {
        await peer.stop();
        await peer.clear();
      }
      expect([...calledAt.keys()].sort()).toEqual(['h1', 'h2']);
      for (const at of calledAt.values()) expect(at).toBeGreaterThanOrEqual(deadlineMs - CLOCKS_MS);
    });
  },
);
