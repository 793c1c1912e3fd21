import type { Durability, Machine } from '@holdfast/demo';

/** One drill: what was done to the system, how often, and what was found. */
export interface DrillResult {
  name: string;
  fault: string;
  combinations: number;
  operations: number;
  faultsInjected: number;
  violations: string[];
  /** The longest from a fault to the end of what it interrupted; null where nothing is interrupted. */
  recoveredMs: number | null;
}

/** What a drill prints with `--json`. */
export interface DrillsDocument {
  name: 'drills';
  machine: Machine;
  settings: Record<string, string | number>;
  durability: Durability;
  rounds: { drills: DrillResult[]; seconds: number }[];
  drills: DrillResult[];
  invariants: readonly string[];
  branchesReached: Record<string, number>;
  totals: { operations: number; faults: number; violations: number };
  chargedWithoutSeat: number;
  seatWithoutCharge: number;
}

export function totalsOf(drills: DrillResult[]): DrillsDocument['totals'] {
  const sum = (of: (drill: DrillResult) => number) => drills.reduce((total, drill) => total + of(drill), 0);
  return {
    operations: sum(({ operations }) => operations),
    faults: sum(({ faultsInjected }) => faultsInjected),
    violations: sum(({ violations }) => violations.length),
  };
}
