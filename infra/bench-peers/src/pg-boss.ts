import PgBoss from 'pg-boss';
import { dropSchema } from './drop-schema';
import { dueDate, type Peer, type PeerAddresses, type ReleaseJob, type ReleaseJobHandler } from './peer';

const QUEUE = 'bench-holds';
const SCHEMA = 'bench_pgboss';
const INSERT_AT_ONCE = 1_000;

/**
 * It polls every 2 s and takes one job a time by default. 0.5 s is the shortest interval it accepts, so pollers that start
 * one after another make a finer one together.
 */
const TUNED = { pollingIntervalSeconds: 0.5, batchSize: 1_000 };
const POLLERS_TUNED = 10;
/** A job whose worker was killed is tried again after this long; 15 minutes by default. */
const EXPIRE_IN_SECONDS_TUNED = 5;

/** pg-boss: jobs in a table of Postgres, found by polling with SKIP LOCKED. */
export class PgBossPeer implements Peer {
  private readonly boss: PgBoss;
  private started: Promise<PgBoss> | undefined;

  constructor(
    private readonly addresses: PeerAddresses,
    private readonly tuned: boolean,
  ) {
    this.boss = new PgBoss({
      connectionString: addresses.postgresUrl,
      schema: SCHEMA,
      ...(tuned && { maintenanceIntervalSeconds: 1, max: POLLERS_TUNED }),
    });
    this.boss.on('error', () => undefined);
  }

  async schedule(jobs: ReleaseJob[]): Promise<void> {
    await this.start();
    for (let from = 0; from < jobs.length; from += INSERT_AT_ONCE) {
      await this.boss.insert(
        jobs.slice(from, from + INSERT_AT_ONCE).map((job) => ({
          name: QUEUE,
          data: job,
          startAfter: dueDate(job),
          ...(this.tuned && { expireInSeconds: EXPIRE_IN_SECONDS_TUNED, retryLimit: 3 }),
        })),
      );
    }
  }

  async work(release: ReleaseJobHandler): Promise<void> {
    await this.start();
    const handler = async (jobs: PgBoss.Job<ReleaseJob>[]) => {
      await Promise.all(jobs.map(({ data }) => release(data)));
    };
    if (!this.tuned) {
      await this.boss.work<ReleaseJob>(QUEUE, handler);
      return;
    }
    const pauseMs = (TUNED.pollingIntervalSeconds * 1_000) / POLLERS_TUNED;
    for (let poller = 0; poller < POLLERS_TUNED; poller++) {
      await this.boss.work<ReleaseJob>(QUEUE, TUNED, handler);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async stop(): Promise<void> {
    if (this.started) await this.boss.stop({ wait: true, timeout: 5_000 });
  }

  async clear(): Promise<void> {
    await dropSchema(this.addresses.postgresUrl, SCHEMA);
  }

  private async start(): Promise<void> {
    await (this.started ??= this.boss.start());
    await this.boss.createQueue(QUEUE);
  }
}
