import { Queue, Worker } from 'bullmq';
import { dueDate, type Peer, type PeerAddresses, type ReleaseJob, type ReleaseJobHandler } from './peer';

const QUEUE = 'bench-holds';
const ADD_AT_ONCE = 1_000;

/**
 * Where the defaults are not left alone. A job that was being worked on when its worker was killed counts as stalled
 * after `lockDuration`, and is looked for every `stalledInterval`: 30 s each by default.
 */
const TUNED = { concurrency: 100, lockDuration: 5_000, stalledInterval: 1_000 };

/** BullMQ: delayed jobs in a sorted set of Redis; workers wait for the next one with a blocking call. */
export class BullmqPeer implements Peer {
  private readonly queue: Queue<ReleaseJob>;
  private worker: Worker<ReleaseJob> | undefined;

  constructor(
    private readonly addresses: PeerAddresses,
    private readonly tuned: boolean,
  ) {
    this.queue = new Queue(QUEUE, { connection: { url: addresses.redisUrl } });
    this.queue.on('error', () => undefined);
  }

  async schedule(jobs: ReleaseJob[]): Promise<void> {
    for (let from = 0; from < jobs.length; from += ADD_AT_ONCE) {
      await this.queue.addBulk(
        jobs.slice(from, from + ADD_AT_ONCE).map((job) => ({
          name: 'release',
          data: job,
          opts: {
            delay: Math.max(0, dueDate(job).getTime() - Date.now()),
            ...(this.tuned && { removeOnComplete: true, attempts: 3 }),
          },
        })),
      );
    }
  }

  async work(release: ReleaseJobHandler): Promise<void> {
    this.worker = new Worker(QUEUE, ({ data }) => release(data), {
      connection: { url: this.addresses.redisUrl, maxRetriesPerRequest: null },
      ...(this.tuned && TUNED),
    });
    this.worker.on('error', () => undefined);
    await this.worker.waitUntilReady();
  }

  async stop(): Promise<void> {
    await this.worker?.close();
    await this.queue.close();
  }

  async clear(): Promise<void> {
    const queue = new Queue(QUEUE, { connection: { url: this.addresses.redisUrl } });
    await queue.obliterate({ force: true }).finally(() => queue.close());
  }
}
