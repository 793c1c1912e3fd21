import type { BenchSystem } from '../bench-system';
import type { Extent, Profile } from '../settings';
import { CONTESTANTS, type Contestant } from './contestants';
import type { ExpiryRound, ExpiryRow, Skipped } from './expiry-row';
import { killRun, millionRun } from './kill-run';
import { CannotRun, Lab } from './lab';
import {
  PER_GROUP_RUSH,
  PER_GROUP_STEADY,
  plansOf,
  SCENARIOS,
  type Plan,
  type ScenarioName,
  type ScenarioOptions,
} from './scenarios';
import { timedRun } from './timed-run';

export interface ExpiryOptions extends ScenarioOptions {
  /** Only these engines and peers. */
  engine?: string[];
  /** Only these scenarios. */
  scenario?: string[];
}

/** How it is measured, for the reader of a document. */
export const EXPIRY_SETTINGS = {
  holds: 'taken by the hold statement, 200 at a time; the deadlines moved by an UPDATE, one to each group',
  holdsPerGroup: `${PER_GROUP_STEADY} (steady, kill), ${PER_GROUP_RUSH} (burst, crowd, million)`,
  timers: "scheduled by the engine's scheduler or the peer's own client, before the first deadline",
  lateness: "to Postgres' commit timestamp of the release",
  resold: 'samples held over HTTP for 3 s; the next buyer tries every 10 ms',
};

const RUNS: Record<ScenarioName, (lab: Lab, contestant: Contestant, plan: Plan) => Promise<ExpiryRow>> = {
  steady: timedRun,
  burst: timedRun,
  crowd: timedRun,
  kill: killRun,
  million: millionRun,
};

/** How late holds come back, by every engine of ours and by the job queues one would take instead. They take turns. */
export async function benchExpiry(
  system: BenchSystem,
  profile: Profile,
  { rounds }: Extent,
  options: ExpiryOptions,
  log: (line: string) => void,
): Promise<ExpiryRound[]> {
  const lab = await Lab.open(system, profile, log);
  const measured: ExpiryRound[] = [];
  try {
    for (let nth = 1; nth <= rounds; nth++) {
      log(`Round ${nth} of ${rounds}: expiry`);
      measured.push(await round(lab, profile, options));
    }
  } finally {
    await lab.close();
  }
  return measured;
}

async function round(lab: Lab, profile: Profile, options: ExpiryOptions): Promise<ExpiryRound> {
  const engines: ExpiryRow[] = [];
  const skipped: Skipped[] = [];
  const scenarios = SCENARIOS.filter((name) => options.scenario?.includes(name) ?? true);
  for (const plan of scenarios.flatMap((name) => plansOf(name, profile, options))) {
    for (const contestant of contestantsOf(plan, profile, options)) {
      const { engine, variant } = contestant;
      if (skipped.some((one) => one.engine === engine)) continue;
      const crowd = plan.scenario === 'crowd' ? `, ${plan.backgroundKeys} other keys` : '';
      lab.log(`  ${plan.scenario}: ${engine} (${variant})${crowd}`);
      try {
        engines.push(await RUNS[plan.scenario](lab, contestant, plan));
      } catch (error) {
        if (!(error instanceof CannotRun)) throw error;
        skipped.push({ engine, why: error.message });
        lab.log(`    skipped: ${error.message}`);
      }
    }
  }
  return { engines, skipped };
}

function contestantsOf({ scenario }: Plan, profile: Profile, { engine }: ExpiryOptions): Contestant[] {
  return CONTESTANTS.filter(
    (one) =>
      one.scenarios.includes(scenario) &&
      (engine?.includes(one.engine) ?? true) &&
      !(profile === 'quick' && one.kind === 'ours' && one.fullOnly),
  );
}
