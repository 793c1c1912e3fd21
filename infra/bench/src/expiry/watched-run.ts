import { holdsPerMessage, type Contestant } from './contestants';
import type { ExpiryRow } from './expiry-row';
import type { Lab } from './lab';
import { MemoryWatch } from './memory-watch';
import { OutsideClock } from './outside-clock';
import type { Plan } from './scenarios';
import type { Side } from './side';

export interface Watched {
  side: Side;
  clock: OutsideClock;
  memory: MemoryWatch;
}

/** Starts a contestant in an empty lab, lets `run` fill its row, and stops it. */
export async function watchedRun(
  lab: Lab,
  contestant: Contestant,
  plan: Plan,
  run: (parts: Watched) => Promise<Partial<ExpiryRow>>,
): Promise<ExpiryRow> {
  await lab.clear();
  const memory = new MemoryWatch(lab, contestant.server);
  const side = await lab.start(contestant);
  memory.start(side);
  const clock = await OutsideClock.start(lab.clockDb);
  try {
    return { ...emptyRow(contestant, plan), ...(await run({ side, clock, memory })) };
  } finally {
    memory.stop();
    await clock.stop();
    await side.stop();
  }
}

/** A row before anything is measured. */
function emptyRow(contestant: Contestant, plan: Plan): ExpiryRow {
  const { engine, variant, kind, durability } = contestant;
  const { scenario, pending, dueRate, backgroundKeys } = plan;
  return {
    ...{ engine, variant, kind, tuned: contestant.kind === 'peer' && contestant.tuned },
    ...{ scenario, durability, pending, dueRate, backgroundKeys },
    holdsPerMessage: holdsPerMessage(contestant, plan.perGroup),
    ...{ latenessMs: null, announcedMs: null, resoldMs: null, early: 0, neverReleased: 0, swept: 0, recovered: null },
    ...{ databaseStatementsPerRelease: null, relayStatementsPerRelease: null },
    ...{ commitFlushMs: null, cpuMsPerRelease: null, memoryMb: null },
    ...{ restoreMs: null, drainRatio: null, afterKill: null },
  };
}
