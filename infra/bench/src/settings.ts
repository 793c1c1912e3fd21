export type Profile = 'quick' | 'full';

/** How much of it: one smaller round to see that it works, three to quote. */
export interface Extent {
  rounds: number;
  /** Seconds of each measured closed loop. */
  seconds: number;
  /** Seats of an event that is sold one by one. */
  seats: number;
}

export const EXTENTS: Record<Profile, Extent> = {
  quick: { rounds: 1, seconds: 5, seats: 100_000 },
  full: { rounds: 3, seconds: 10, seats: 200_000 },
};

/** Seconds of load before a measurement: code is compiled, tokens are verified, connections are open. */
export const WARM_UP_SECONDS = 3;

export const hundredths = (value: number): number => Math.round(value * 100) / 100;

export const thousandths = (value: number): number => Math.round(value * 1_000) / 1_000;
