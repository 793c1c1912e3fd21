import { setTimeout as sleep } from 'node:timers/promises';
import { buy, HABITS, type BuyerContext, type Habit } from './buyer';

/** A small crowd comes slowly enough for two cores that run everything; a large one comes within a minute. */
const ARRIVALS_PER_SECOND_MIN = 30;
const ARRIVAL_SECONDS_MAX = 60;
/**
 * Nobody new comes in while this many requests wait for their answer. Without it a machine that is busy with something
 * else pays so slowly that holds of a few seconds run out on the way, and the demo shows the queue instead of the system.
 */
const IN_FLIGHT_MAX = 24;
const DOOR_POLL_MS = 5;
const SEATS_WANTED_MAX = 4;

export interface CrowdOptions extends BuyerContext {
  buyers: number;
  tokenOf: (buyer: number) => string;
}

/** Sends the buyers at a steady rate and waits until the last one has left. */
export async function sendCrowd(options: CrowdOptions): Promise<void> {
  const { buyers, tokenOf, shop, tally, random } = options;
  const arrivalsPerSecond = Math.max(ARRIVALS_PER_SECOND_MIN, buyers / ARRIVAL_SECONDS_MAX);
  const startedAt = performance.now();
  const visits: Promise<void>[] = [];
  for (let nth = 0; nth < buyers; nth++) {
    const wait = startedAt + (nth / arrivalsPerSecond) * 1_000 - performance.now();
    if (wait > 0) await sleep(wait);
    while (shop.inFlight >= IN_FLIGHT_MAX) await sleep(DOOR_POLL_MS);
    const wanted = 1 + Math.floor(random() * SEATS_WANTED_MAX);
    visits.push(buy(tokenOf(nth), habitOf(random), wanted, options).finally(() => tally.done++));
  }
  await Promise.all(visits);
}

function habitOf(random: () => number): Habit {
  const habits = Object.entries(HABITS) as [Habit, number][];
  let point = random() * habits.reduce((sum, [, share]) => sum + share, 0);
  for (const [habit, share] of habits) {
    point -= share;
    if (point < 0) return habit;
  }
  return 'pays';
}
