import type { CrashPoint, OnCrashPoint } from '@holdfast/payment-service';
import type { Held } from './drill-event';
import { FATES, SCENARIOS, type Combination, type Deed, type Fate, type Scenario } from './scenarios';

/** One payment of the drill on its way. */
export interface Live {
  combination: Combination;
  scenario: Scenario;
  fate: Fate;
  held: Held;
  /** How often it came to each point. */
  points: Map<CrashPoint, number>;
  fateDone: boolean;
  /** By this process's monotonic clock; undefined until it has crashed. */
  crashedAtMs: number | undefined;
}

/** What a life needs done when it comes to its points. */
export interface Hands {
  happen(deed: Deed, held: Held, attemptId: string): Promise<void>;
  /** The process is down: nobody works on the attempt any more, and somebody may take it up at once, or shall not. */
  afterCrash(held: Held): Promise<void>;
  /** Ends the process, or whatever drives the attempt in it. */
  die(): Promise<never>;
}

/**
 * Follows payments by the crash points they come to, lets happen what their combination has for each point, and ends the
 * process where it says so. The same within one process, where a crash is an exception, and in a process that is killed.
 */
export class Lives {
  private readonly byHold = new Map<string, Live>();
  private readonly byAttempt = new Map<string, Live>();

  constructor(private readonly hands: Hands) {}

  begin(combination: Combination, held: Held): Live {
    const scenario = SCENARIOS.get(combination.fault);
    const fate = FATES.get(combination.fate);
    if (!scenario || !fate) throw new Error(`No such combination: ${combination.fault}, ${combination.fate}`);
    const live = { combination, scenario, fate, held, points: new Map(), fateDone: false, crashedAtMs: undefined };
    this.byHold.set(held.holdId, live);
    return live;
  }

  readonly onCrashPoint: OnCrashPoint = async (point, { attemptId = '', holdId }) => {
    const live = this.byHold.get(holdId ?? '') ?? this.byAttempt.get(attemptId);
    if (!live) return;
    if (attemptId) this.byAttempt.set(attemptId, live);
    const time = count(live.points, point);
    for (const happening of live.scenario.happenings ?? []) {
      if (happening.point === point && (happening.time ?? 1) === time)
        await this.hands.happen(happening.what, live.held, attemptId);
    }
    if (live.fate.when === point) await this.meetFate(live, attemptId);
    if (live.combination.crashAt !== point || live.crashedAtMs !== undefined) return;
    live.crashedAtMs = performance.now();
    if (live.fate.when === 'while-down') await this.meetFate(live, attemptId);
    await this.hands.afterCrash(live.held);
    await this.hands.die();
  };

  private async meetFate(live: Live, attemptId: string): Promise<void> {
    if (live.fateDone || live.fate.what === 'nothing') return;
    live.fateDone = true;
    await this.hands.happen(live.fate.what, live.held, attemptId);
  }
}

function count(counts: Map<CrashPoint, number>, point: CrashPoint): number {
  const times = (counts.get(point) ?? 0) + 1;
  counts.set(point, times);
  return times;
}
