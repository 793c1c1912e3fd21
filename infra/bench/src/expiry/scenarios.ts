import type { Profile } from '../settings';

/** What `--pending` and `--rate` change. */
export interface ScenarioOptions {
  pending?: number;
  rate?: number;
}

/** Holds that run out one group after another, at an even pace. */
export interface Plan {
  scenario: ScenarioName;
  pending: number;
  /** Holds that run out a second. */
  dueRate: number;
  /** Holds committed together, with one deadline. */
  perGroup: number;
  /** Keys in Redis that have nothing to do with the holds, but a time to live like theirs. */
  backgroundKeys: number;
  /** Holds sampled over HTTP while the others run out; 0: none. */
  resaleSamples: number;
}

export const SCENARIOS = ['steady', 'burst', 'crowd', 'kill', 'million'] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

/** As the group commit makes them at 2,000 a second; in the rush of an on-sale its batches are full. */
export const PER_GROUP_STEADY = 10;
export const PER_GROUP_RUSH = 50;

const STEADY_PENDING: Record<Profile, number> = { quick: 20_000, full: 100_000 };
const STEADY_RATE = 2_000;
const BURST_PENDING = 20_000;
const CROWD_PROBES = 1_000;
const CROWDS = [0, 10_000, 100_000];
/** The probes of a crowd have one deadline: whatever is a group of them is due within a millisecond of the others. */
const CROWD_RATE = 1_000_000;
const KILL_PENDING: Record<Profile, number> = { quick: 6_000, full: 20_000 };
const KILL_RATE: Record<Profile, number> = { quick: 1_000, full: 2_000 };
const MILLION_PENDING: Record<Profile, number> = { quick: 20_000, full: 1_000_000 };
/** Most of the million run out hours later; these many a second do while the worker is killed and restored. */
const MILLION_RATE = 500;
const SAMPLES_PER_SECOND = 10;
const SAMPLES_OF_BURST = 100;

/** The runs of a scenario: one, or one a size of the crowd. */
export function plansOf(scenario: ScenarioName, profile: Profile, options: ScenarioOptions): Plan[] {
  const plan = (pending: number, dueRate: number, perGroup: number, further: Partial<Plan> = {}): Plan => ({
    ...{ scenario, perGroup, backgroundKeys: 0, resaleSamples: 0 },
    pending: options.pending ?? pending,
    dueRate: options.rate ?? dueRate,
    ...further,
  });
  switch (scenario) {
    case 'steady': {
      const steady = plan(STEADY_PENDING[profile], STEADY_RATE, PER_GROUP_STEADY);
      return [{ ...steady, resaleSamples: Math.ceil((steady.pending / steady.dueRate) * SAMPLES_PER_SECOND) }];
    }
    case 'burst': {
      const burst = plan(BURST_PENDING, BURST_PENDING, PER_GROUP_RUSH, { resaleSamples: SAMPLES_OF_BURST });
      return [{ ...burst, dueRate: options.rate ?? burst.pending }];
    }
    case 'crowd':
      return CROWDS.map((backgroundKeys) =>
        plan(CROWD_PROBES, CROWD_RATE, PER_GROUP_RUSH, { backgroundKeys, pending: CROWD_PROBES, dueRate: CROWD_RATE }),
      );
    case 'kill':
      return [plan(KILL_PENDING[profile], KILL_RATE[profile], PER_GROUP_STEADY)];
    case 'million':
      return [plan(MILLION_PENDING[profile], MILLION_RATE, PER_GROUP_RUSH)];
  }
}
