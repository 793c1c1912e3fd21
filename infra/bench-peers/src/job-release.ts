import { setTimeout as sleep } from 'node:timers/promises';
import { HoldReleaser } from '@holdfast/expiry-worker';
import { expire } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import type { ReleaseJob, ReleaseJobHandler } from './peer';

/** A clock that runs a little ahead of the database's asks again, not in a storm. */
const LOOK_AGAIN_MS = 1;

/**
 * What a peer's job does: the release statement of the product on the job's holds, again while one is not due yet. Resolves
 * after the commit.
 *
 * @param batched jobs that are due together share a statement, as in the expiry-worker; else each job has its own
 */
export function releaseJob(db: Database, batched: boolean): ReleaseJobHandler {
  const releaser = new HoldReleaser(
    (eventId, holdIds) => expire(db, eventId, holdIds, 'due'),
    () => undefined,
  );
  const release = async (eventId: string, holdIds: string[]): Promise<string[]> => {
    if (batched) return (await releaser.release(eventId, holdIds)).again.flatMap((again) => again.holdIds);
    const outcomes = await expire(db, eventId, holdIds, 'due');
    return outcomes.filter(({ outcome }) => outcome === 'not-due').map(({ holdId }) => holdId);
  };
  return async ({ eventId, holdIds }: ReleaseJob) => {
    for (let left = await release(eventId, holdIds); left.length > 0; left = await release(eventId, left)) {
      await sleep(LOOK_AGAIN_MS);
    }
  };
}
