import { Logger, makeWorkerUtils, run, type Runner, type WorkerUtils } from 'graphile-worker';
import { dropSchema } from './drop-schema';
import { dueDate, type Peer, type PeerAddresses, type ReleaseJob, type ReleaseJobHandler } from './peer';

const TASK = 'release-holds';
const SCHEMA = 'bench_graphile';
const ADD_AT_ONCE = 1_000;
const SILENT = new Logger(() => () => undefined);

/** It polls every 2 s and does one job a time by default. Its local queue fetches many jobs with one statement. */
const POLL_MS_TUNED = 50;
const JOBS_AT_ONCE_TUNED = 100;
const CONNECTIONS_TUNED = 10;
const LOCAL_QUEUE_TUNED = 500;
const COMPLETE_DELAY_MS_TUNED = 50;

/** graphile-worker: jobs in a table of Postgres; a notification for jobs that are due at once, polling for later ones. */
export class GraphileWorkerPeer implements Peer {
  private utils: WorkerUtils | undefined;
  private runner: Runner | undefined;

  constructor(
    private readonly addresses: PeerAddresses,
    private readonly tuned: boolean,
  ) {}

  async schedule(jobs: ReleaseJob[]): Promise<void> {
    const utils = await this.open();
    for (let from = 0; from < jobs.length; from += ADD_AT_ONCE) {
      await utils.addJobs(
        jobs
          .slice(from, from + ADD_AT_ONCE)
          .map((job) => ({ identifier: TASK, payload: job, runAt: dueDate(job), queueName: undefined })),
      );
    }
  }

  async work(release: ReleaseJobHandler): Promise<void> {
    this.runner = await run({
      taskList: { [TASK]: (payload) => release(payload as ReleaseJob) },
      noHandleSignals: true,
      preset: {
        worker: {
          connectionString: this.addresses.postgresUrl,
          schema: SCHEMA,
          logger: SILENT,
          ...(this.tuned && {
            pollInterval: POLL_MS_TUNED,
            concurrentJobs: JOBS_AT_ONCE_TUNED,
            maxPoolSize: CONNECTIONS_TUNED,
            localQueue: { size: LOCAL_QUEUE_TUNED },
            completeJobBatchDelay: COMPLETE_DELAY_MS_TUNED,
          }),
        },
      },
    });
  }

  async stop(): Promise<void> {
    await this.runner?.stop();
    await this.utils?.release();
  }

  async clear(): Promise<void> {
    await dropSchema(this.addresses.postgresUrl, SCHEMA);
  }

  private async open(): Promise<WorkerUtils> {
    if (this.utils) return this.utils;
    const { postgresUrl } = this.addresses;
    this.utils = await makeWorkerUtils({ connectionString: postgresUrl, schema: SCHEMA, logger: SILENT });
    await this.utils.migrate();
    return this.utils;
  }
}
