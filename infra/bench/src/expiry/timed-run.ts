import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMsPerOperation, readCpu } from '../cpu-account';
import { hundredths, thousandths } from '../settings';
import { holdsPerMessage, type Contestant } from './contestants';
import type { ExpiryRow, Percentiles } from './expiry-row';
import type { Lab } from './lab';
import type { OutsideClock } from './outside-clock';
import { moveDeadlines, takeHolds } from './pending-holds';
import { releaseByPostgresAlone } from './postgres-alone';
import { judge, percentilesOf, readReleases, type Release } from './releases';
import { ResaleSamples, SAMPLE_HOLD_SECONDS } from './resales';
import type { Plan } from './scenarios';
import { watchedRun } from './watched-run';

/** Between the moment the deadlines are known and the first of them: everything must be scheduled by then. */
const LEAD_MS = 2_000 + SAMPLE_HOLD_SECONDS * 1_000;
const LEAD_PER_MESSAGE_MS = 0.25;
/** Counting begins this long before the first deadline. */
const COUNT_FROM_MS = 100;
/** The relay may still be announcing when the last hold is released. */
const ANNOUNCED_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 50;

export const leadMs = (contestant: Contestant, plan: Plan): number =>
  LEAD_MS + (plan.pending / holdsPerMessage(contestant, plan.perGroup)) * LEAD_PER_MESSAGE_MS;

/** Holds run out at an even pace while nothing goes wrong: `steady`, `burst` and `crowd`. */
export async function timedRun(lab: Lab, contestant: Contestant, plan: Plan): Promise<ExpiryRow> {
  const aloneMs = plan.scenario === 'burst' ? await releaseByPostgresAlone(lab, plan.pending) : undefined;
  return watchedRun(lab, contestant, plan, async ({ side, clock, memory }) => {
    await lab.addBackgroundKeys(plan.backgroundKeys);
    const pending = await takeHolds(lab.db, plan.pending, plan.perGroup);
    const { eventId, groups } = pending;
    const samples =
      plan.resaleSamples > 0 && side.holdService
        ? await ResaleSamples.prepare(lab.system, side.holdService, clock, plan.resaleSamples)
        : undefined;
    await lab.watch.settle();
    const firstMs = clock.now() + leadMs(contestant, plan);
    const groupMs = (plan.perGroup / plan.dueRate) * 1_000;
    const lastMs = firstMs + (groups.length - 1) * groupMs;
    await moveDeadlines(lab.db, pending, (nth) => firstMs + nth * groupMs);
    lab.announcements.expect(eventId);
    const sampleMs = (lastMs - firstMs) / plan.resaleSamples;
    const reselling = samples?.run(plan.resaleSamples, (nth) => firstMs + nth * sampleMs);
    await side.schedule(pending);
    if (clock.now() > firstMs)
      lab.log('    scheduling took longer than until the first deadline: these figures are unfair');
    await sleep(Math.max(0, firstMs - COUNT_FROM_MS - clock.now()));
    await lab.watch.resetCounts();
    const cpuBefore = readCpu(lab.system, side.worker.pid);

    const gaveUpMs = await lab.untilReleased(clock, contestant, eventId, lastMs);
    const cpuAfter = readCpu(lab.system, side.worker.pid);
    const statements = await lab.watch.readStatements();
    const commitFlushMs = await lab.watch.readFlushMs();
    const reports = await side.reports?.();
    const resales = await reselling;
    const releases = await readReleases(lab.db, eventId);
    const judged = judge(releases, { clock, gaveUpMs });
    const released = releases.length - judged.neverReleased;
    return {
      ...judged,
      recovered: reports?.recovered ?? null,
      announcedMs: contestant.kind === 'ours' ? await announcedMs(lab, clock, releases) : null,
      resoldMs: resales?.resoldMs ?? null,
      early: judged.early + (resales?.early ?? 0),
      neverReleased: judged.neverReleased + (resales?.never ?? 0),
      databaseStatementsPerRelease: thousandths(statements.release / Math.max(1, released)),
      relayStatementsPerRelease:
        contestant.kind === 'ours' ? thousandths(statements.relay / Math.max(1, released)) : null,
      commitFlushMs,
      cpuMsPerRelease: cpuMsPerOperation(cpuBefore, cpuAfter, released),
      memoryMb: memory.stop(),
      drainRatio: aloneMs && judged.latenessMs ? hundredths(judged.latenessMs.p99 / aloneMs) : null,
    };
  });
}

async function announcedMs(lab: Lab, clock: OutsideClock, releases: Release[]): Promise<Percentiles | null> {
  const giveUpAt = performance.now() + ANNOUNCED_WITHIN_MS;
  const expected = releases.filter(({ committedMs }) => committedMs !== null).length;
  while (lab.announcements.count < expected && performance.now() < giveUpAt) await sleep(LOOK_EVERY_MS);
  const lateness = releases.flatMap(({ seatId, deadlineMs }) => {
    const heardAt = lab.announcements.heard(seatId);
    return heardAt === undefined ? [] : [clock.databaseTime(heardAt) - deadlineMs];
  });
  return lateness.length > 0 ? percentilesOf(lateness) : null;
}
