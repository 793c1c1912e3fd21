import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { CRASH_POINTS, type CrashPoint } from '@holdfast/payment-service';
import { LISTENING, type CrashOrder } from './crashing-service';
import type { LivedThrough } from './combinations';
import type { Held } from './drill-event';
import { pay, paymentSettings } from './payment-app';
import { FATES, SCENARIOS, type Combination } from './scenarios';
import type { Theatre } from './theatre';

const START_MS = 30_000;
/** A payment that does not come to its point by then never will. */
const REACH_MS = 20_000;
const PROGRAM = join(__dirname, 'crashing-service.js');

export interface ProcessCrash {
  combination: Combination;
  held: Held;
  /** The process was killed at its point. */
  killed: boolean;
}

/**
 * One combination for every crash point, out of those that came to it within one process: the hold alive where that is
 * possible, for then the end is known.
 */
export function onePerPoint(lived: LivedThrough[]): Combination[] {
  return CRASH_POINTS.flatMap((point) => {
    const reaching = lived.filter(({ combination, crashed }) => crashed && combination.crashAt === point);
    const chosen = reaching.find(({ combination }) => combination.fate === 'hold alive') ?? reaching[0];
    return chosen ? [chosen.combination] : [];
  });
}

/**
 * Kills a payment-service of its own with SIGKILL for each combination, one after another. What they leave behind stays as
 * it is: somebody else continues it later.
 */
export async function killAtEveryPoint(
  theatre: Theatre,
  combinations: Combination[],
  onDone: (point: CrashPoint | undefined) => void,
): Promise<ProcessCrash[]> {
  const crashes: ProcessCrash[] = [];
  let next = load();
  try {
    for (const combination of combinations) {
      const current = next;
      next = load();
      crashes.push(await killOne(theatre, combination, current));
      onDone(combination.crashAt);
    }
  } finally {
    next.kill('SIGKILL');
  }
  return crashes;
}

function load(): ChildProcess {
  return spawn(process.execPath, ['--enable-source-maps', PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function killOne(theatre: Theatre, combination: Combination, child: ChildProcess): Promise<ProcessCrash> {
  const held = await theatre.events[FATES.get(combination.fate)?.policy ?? 'void'].hold();
  const scenario = SCENARIOS.get(combination.fault);
  if (!scenario) throw new Error(`No such fault: ${combination.fault}`);
  const { jwtSecret, postgresUrl, provider, paymentPort } = theatre.stage;
  const stage = { jwtSecret, postgresUrl, provider, paymentPort };
  const order: CrashOrder = { stage, settings: paymentSettings(theatre.stage), combination, held };
  const gone = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  try {
    child.stdin?.write(`${JSON.stringify(order)}\n`);
    await Promise.race([listening(child), gone.then(diedEarly), late(START_MS, 'payment-service did not start')]);
    const payer = scenario.stranger ? `stranger-${held.holdId}` : held.buyerId;
    // The process may be gone before it has answered.
    void pay(theatre.stage, held, { card: scenario.card, payer }).catch(() => undefined);
    const [, signal] = await Promise.race([gone, late(REACH_MS, undefined).then(() => [null, null] as const)]);
    return { combination, held, killed: signal === 'SIGKILL' };
  } finally {
    child.kill('SIGKILL');
    await gone;
  }
}

async function listening(child: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (line === LISTENING) return;
  }
}

function diedEarly(): never {
  throw new Error('payment-service ended before it was asked to pay');
}

async function late(ms: number, message: string | undefined): Promise<void> {
  await sleep(ms, undefined, { ref: false });
  if (message) throw new Error(message);
}
