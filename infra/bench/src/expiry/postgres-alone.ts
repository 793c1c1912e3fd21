import { expire } from '@holdfast/inventory';
import type { Lab } from './lab';
import { moveDeadlines, takeHolds } from './pending-holds';

/** As many as a statement of the worker releases at most. */
const HOLDS_PER_STATEMENT = 500;
const OVERDUE_MS = 1_000;

/** Milliseconds that Postgres needs to release so many holds that have run out, when nothing else is going on. */
export async function releaseByPostgresAlone(lab: Lab, count: number): Promise<number> {
  await lab.clear();
  const pending = await takeHolds(lab.db, count, HOLDS_PER_STATEMENT);
  await lab.watch.settle();
  await moveDeadlines(lab.db, pending, () => Date.now() - OVERDUE_MS);
  const startedAt = performance.now();
  for (const { holdIds } of pending.groups) {
    const outcomes = await expire(lab.db, pending.eventId, holdIds, 'due');
    if (outcomes.some(({ outcome }) => outcome !== 'expired'))
      throw new Error('A hold that had run out was not released');
  }
  return performance.now() - startedAt;
}
