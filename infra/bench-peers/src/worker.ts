import { openDatabase } from '@holdfast/postgres';
import { releaseJob } from './job-release';
import { openPeer, type PeerName } from './open-peer';

/** What the parent sends first; it hears `ready` when the peer works. */
export interface PeerWorkerJob {
  peer: PeerName;
  tuned: boolean;
  postgresUrl: string;
  redisUrl: string;
}

/*
 * The worker process of a peer, started by the bench: it has the handler and nothing else. It ends when its parent does.
 */
async function main({ peer, tuned, ...addresses }: PeerWorkerJob): Promise<void> {
  const db = openDatabase({ url: addresses.postgresUrl, applicationName: `bench-${peer}` });
  const worker = openPeer(peer, tuned, addresses);
  await worker.work(releaseJob(db, tuned));
  process.send?.('ready');
}

process.on('disconnect', () => process.exit(0));
process.once('message', (job: PeerWorkerJob) => {
  main(job).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
