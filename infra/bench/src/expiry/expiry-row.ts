import type { Durability } from '@holdfast/demo';
import type { CpuAccount } from '../cpu-account';

/** How long something took: these percentiles of many, in milliseconds. */
export interface Percentiles {
  p50: number;
  p99: number;
}

export interface Lateness extends Percentiles {
  p999: number;
  max: number;
}

export interface Recovery {
  /** Timers that were scheduled and never came back, or (of a peer) holds that were not released within the bench's patience. */
  lost: number;
  /** From the restart until every hold that ran out before it was released. */
  recoveredMs: number | null;
}

/** `everysec`: what the last second wrote may be lost with the server. */
export type TimerDurability = Durability | 'everysec';

/** One engine or peer in one scenario. What does not apply is `null`. */
export interface ExpiryRow {
  engine: string;
  /** Which of several settings of it, for people. */
  variant: string;
  kind: 'ours' | 'peer';
  tuned: boolean;
  scenario: string;
  /** Of the timers; the holds are always in Postgres with fsync. */
  durability: TimerDurability;
  pending: number;
  /** Holds that run out a second. */
  dueRate: number;
  holdsPerMessage: number;
  backgroundKeys: number;
  /** From the deadline to the commit of the release, without what the sweeper released, except in `max`. */
  latenessMs: Lateness | null;
  /** To the confirmed message, as a subscriber hears it. */
  announcedMs: Percentiles | null;
  /** Until a hold of the seat over HTTP succeeds, of samples. */
  resoldMs: Percentiles | null;
  /** Released before the deadline, by either clock. */
  early: number;
  /** Still held after the sweeper's next pass; of a peer, when the bench's patience ended. */
  neverReleased: number;
  swept: number;
  /** Found by the engine's own fallback, because its transport had not told: in `latenessMs`, not in `swept`. */
  recovered: number | null;
  /** Every statement of the worker's role except the relay's, for each hold released. */
  databaseStatementsPerRelease: number | null;
  /** What announcing the releases cost besides. */
  relayStatementsPerRelease: number | null;
  /** From the start of a commit to its being on the disk: comes on top of the lateness. Postgres' own mean. */
  commitFlushMs: number | null;
  /** CPU time of the worker and of each server for each hold released, from the first deadline to the last release. */
  cpuMsPerRelease: CpuAccount | null;
  /** The worker's largest size and what the timers added to their server. */
  memoryMb: number | null;
  /** From the restart of a killed worker until it was ready again with every timer. */
  restoreMs: number | null;
  /** `latenessMs.p99` over the time Postgres alone took to release as many holds. */
  drainRatio: number | null;
  afterKill: { worker: Recovery; server: Recovery } | null;
}

/** An engine that this machine cannot run. */
export interface Skipped {
  engine: string;
  why: string;
}

export interface ExpiryRound {
  engines: ExpiryRow[];
  skipped: Skipped[];
}
