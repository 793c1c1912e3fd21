import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestant } from './contestants';
import type { ExpiryRow } from './expiry-row';
import type { Lab } from './lab';
import type { OutsideClock } from './outside-clock';
import { moveDeadlines, takeHolds } from './pending-holds';
import { judge, readReleases, recoveryMs, restoredMs, type Release } from './releases';
import type { Plan } from './scenarios';
import type { EngineReports, Side } from './side';
import { leadMs } from './timed-run';
import { watchedRun } from './watched-run';

/** Between the two halves: whatever the first kill left has been seen to by then. */
const GAP_MS = 8_000;
/** A kill comes when this part of a half has run out. */
const KILL_AT = 1 / 3;
/** The broker's clients come back within this time after its restart, and with them the timers. */
const SILENT_FOR_MS = 4_000;
const LOOK_EVERY_MS = 500;
const FAR_AWAY_MS = 2 * 3_600_000;
/** How long holds go on running out around the kill in `million`. */
const MILLION_FRONT_SECONDS = 10;

/** Half of the holds run out around a kill -9 of the worker, half around one of the server that keeps the timers. */
export async function killRun(lab: Lab, contestant: Contestant, plan: Plan): Promise<ExpiryRow> {
  return watchedRun(lab, contestant, plan, async ({ side, clock, memory }) => {
    const pending = await takeHolds(lab.db, plan.pending, plan.perGroup);
    const { eventId, groups } = pending;
    await lab.watch.settle();
    const half = Math.ceil(groups.length / 2);
    const groupMs = (plan.perGroup / plan.dueRate) * 1_000;
    const firstMs = clock.now() + leadMs(contestant, plan);
    const [lastOfWorkerMs, secondMs] = [firstMs + half * groupMs, firstMs + half * groupMs + GAP_MS];
    const lastMs = secondMs + (groups.length - half - 1) * groupMs;
    await moveDeadlines(lab.db, pending, (nth) =>
      nth < half ? firstMs + nth * groupMs : secondMs + (nth - half) * groupMs,
    );
    await side.schedule(pending);

    await until(clock, firstMs + KILL_AT * half * groupMs);
    const workerBackMs = await restartWorker(side, clock);
    await lab.untilReleased(clock, contestant, eventId, lastOfWorkerMs);
    const reportsOfWorker = await lateReports(side);

    await until(clock, secondMs + KILL_AT * (lastMs - secondMs));
    const server = lab.server(contestant.server);
    await server.kill();
    await server.start();
    const serverBackMs = clock.now();
    const gaveUpMs = await lab.untilReleased(clock, contestant, eventId, lastMs);
    const reports = await lateReports(side);
    const memoryMb = memory.stop();

    const releases = await readReleases(lab.db, eventId);
    const [ofWorker, ofServer] = [releases.filter(before(secondMs)), releases.filter((one) => !before(secondMs)(one))];
    return {
      ...judge(releases, { clock, gaveUpMs }),
      memoryMb,
      restoreMs: restoredMs(ofWorker, workerBackMs),
      afterKill: {
        worker: {
          lost: lost(ofWorker, reportsOfWorker),
          recoveredMs: recoveryMs(ofWorker, workerBackMs.restart),
        },
        server: {
          lost: lost(ofServer, reports && since(reportsOfWorker, reports)),
          recoveredMs: recoveryMs(ofServer, serverBackMs),
        },
      },
    };
  });
}

/** Most holds run out hours later, a few around a kill -9 of the worker: what so many cost, and how soon they are back. */
export async function millionRun(lab: Lab, contestant: Contestant, plan: Plan): Promise<ExpiryRow> {
  return watchedRun(lab, contestant, plan, async ({ side, clock, memory }) => {
    const pending = await takeHolds(lab.db, plan.pending, plan.perGroup);
    const { eventId, groups } = pending;
    await lab.watch.settle();
    const groupMs = (plan.perGroup / plan.dueRate) * 1_000;
    const front = Math.min(groups.length, Math.ceil((MILLION_FRONT_SECONDS * 1_000) / groupMs));
    const firstMs = clock.now() + leadMs(contestant, plan);
    const lastMs = firstMs + (front - 1) * groupMs;
    await moveDeadlines(lab.db, pending, (nth) => firstMs + nth * groupMs + (nth < front ? 0 : FAR_AWAY_MS));
    await side.schedule(pending);

    await until(clock, firstMs + KILL_AT * (lastMs - firstMs));
    const back = await restartWorker(side, clock);
    const gaveUpMs = await lab.untilReleased(clock, contestant, eventId, lastMs);
    const memoryMb = memory.stop();
    const releases = await readReleases(lab.db, eventId, { untilMs: lastMs + 1 });
    return {
      ...judge(releases, { clock, gaveUpMs }),
      memoryMb,
      restoreMs: restoredMs(releases, back),
    };
  });
}

/** Kills the worker and starts it again at once. Both times are the database's. */
async function restartWorker({ worker }: Side, clock: OutsideClock): Promise<{ restart: number; ready: number }> {
  await worker.kill();
  const restart = clock.now();
  await worker.start();
  return { restart, ready: clock.now() };
}

/** What the engine said in all, once it says nothing more: a server that is back may bring timers of swept holds yet. */
async function lateReports(side: Side): Promise<EngineReports | undefined> {
  let [last, silentMs] = [await side.reports?.(), 0];
  while (last && silentMs < SILENT_FOR_MS) {
    await sleep(LOOK_EVERY_MS);
    const next = await side.reports?.();
    silentMs = next?.due === last.due ? silentMs + LOOK_EVERY_MS : 0;
    last = next;
  }
  return last;
}

/**
 * Timers that did not come back: what the sweeper released, less what the engine still reported afterwards. A worker that
 * comes back finds overdue holds by its sweeper and by the engine at once, so a sweep alone proves no loss. A peer has no
 * sweeper: what it lost is what is still held.
 */
function lost(releases: Release[], reports: EngineReports | undefined): number {
  const never = releases.filter(({ committedMs }) => committedMs === null).length;
  if (!reports) return never;
  const swept = releases.filter((release) => release.swept).length;
  const reportedAfterwards = Math.max(0, reports.due - reports.released - reports.lookedAgain);
  return never + Math.max(0, swept - reportedAfterwards);
}

function since(before: EngineReports | undefined, now: EngineReports): EngineReports {
  if (!before) return now;
  return {
    due: now.due - before.due,
    released: now.released - before.released,
    lookedAgain: now.lookedAgain - before.lookedAgain,
    recovered: now.recovered - before.recovered,
  };
}

const before =
  (ms: number) =>
  ({ deadlineMs }: Release): boolean =>
    deadlineMs < ms;

async function until(clock: OutsideClock, databaseMs: number): Promise<void> {
  await sleep(Math.max(0, databaseMs - clock.now()));
}
