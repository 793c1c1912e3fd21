import { setTimeout as sleep } from 'node:timers/promises';
import { CRASH_POINTS, type CrashPoint } from '@holdfast/payment-service';
import type { Database } from '@holdfast/postgres';
import type { DrillResult } from '../document';
import type { Stage } from '../stage';
import { readBooks, undeliveredWebhooks } from './books';
import { againAt, liveThroughAll, withCrashes, withoutCrash, type LivedThrough } from './combinations';
import { INVARIANTS, judge, type Violation } from './judge';
import { Lives } from './lives';
import { pay, paymentSettings, startPaymentApp } from './payment-app';
import { killAtEveryPoint, onePerPoint, type ProcessCrash } from './process-crashes';
import { BeforeFence, raceTwoPayments, raceWithExpiry, type RaceResult } from './races';
import { eventIdsOf, handsOf, makeDue, openTheatre, placeOf, type Theatre } from './theatre';

/** Of each event. */
const EVENT_SEATS = 40_000;
const WEBHOOKS_MAX_MS = 30_000;
const STUCK_MS = 30_000;
const POLL_MS = 50;
const WARM_UP_MS = 5_000;
/** How often points that nothing crashed at are tried again. */
const TURNS_MAX = 4;

export interface PaymentsExtent {
  /** Of the product of combinations, each so manyth. */
  every: number;
  twoPaymentsRounds: number;
  expiryRounds: number;
}

export const PAYMENTS_EXTENTS = {
  full: { every: 1, twoPaymentsRounds: 300, expiryRounds: 1_000 },
  quick: { every: 20, twoPaymentsRounds: 60, expiryRounds: 150 },
} satisfies Record<string, PaymentsExtent>;

export interface PaymentsFindings {
  drills: DrillResult[];
  invariants: readonly string[];
  branchesReached: Record<string, number>;
  chargedWithoutSeat: number;
  seatWithoutCharge: number;
}

/** Crashes, faults and races around payments, and what the books of both sides say when all of it is over. */
export async function drillPayments(
  stage: Stage,
  db: Database,
  extent: PaymentsExtent,
  log: (line: string) => void,
): Promise<PaymentsFindings> {
  const theatre = await openTheatre(stage, db, EVENT_SEATS);
  const lives = new Lives(handsOf(placeOf(theatre)));
  const fence = new BeforeFence();
  const start = () =>
    startPaymentApp(paymentSettings(stage), async (point, at) => {
      await fence.onCrashPoint(point, at);
      await lives.onCrashPoint(point, at);
    });

  let app = await start();
  await warmUp(theatre);
  const product = await drillProduct(theatre, lives, extent.every, log);
  await app.close();
  const kills = await killAtEveryPoint(
    theatre,
    onePerPoint(product.lived),
    progress(log, 'SIGKILL', CRASH_POINTS.length),
  );
  app = await start();
  try {
    await warmUp(theatre);
    const killed = await continueKilled(theatre, lives, kills);
    log('Two payments raced for one hold');
    const two = await raceTwoPayments(theatre, extent.twoPaymentsRounds);
    log('A payment raced with the expiry of its hold');
    const expiry = await raceWithExpiry(theatre, fence, extent.expiryRounds);
    await webhooksDelivered(theatre);
    const violations = judge(await readBooks(db, eventIdsOf(theatre), stage.provider));
    const reached = reachedBy(product.lived, kills);
    return findings(violations, reached, [
      product.drill,
      killed,
      ofRace('two payments for one hold', two),
      ofRace('payment and expiry', expiry),
    ]);
  } finally {
    await app.close();
  }
}

/** Pays until a payment comes through: a service that is not connected yet refuses, as it should. */
export async function warmUp({ stage, events, ends }: Theatre): Promise<void> {
  for (const giveUpAtMs = performance.now() + STUCK_MS; performance.now() < giveUpAtMs;) {
    const held = await events.void.hold();
    await pay(stage, held, { card: 'pm_card_visa' });
    if ((await ends.payment(held.holdId, WARM_UP_MS)) === 'captured') return;
  }
  throw new Error('payment-service does not come to take payments.');
}

/** The product of crash points, faults and fates within this process. */
export async function drillProduct(
  theatre: Theatre,
  lives: Lives,
  every: number,
  log: (line: string) => void,
): Promise<{ lived: LivedThrough[]; drill: DrillResult }> {
  const plain = withoutCrash();
  const first = await liveThroughAll(theatre, lives, plain, progress(log, 'Faults without a crash', plain.length));
  const crashing = withCrashes(first, every);
  const crashes = await liveThroughAll(theatre, lives, crashing, progress(log, 'Crashes', crashing.length));
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    crashes.push(
      ...(await liveThroughAll(theatre, lives, againAt(notCrashedAt(crashes), first, turn), () => undefined)),
    );
  }
  const lived = [...first, ...crashes];
  const drill: DrillResult = {
    name: 'crash x fault x hold',
    fault: 'a crash at every point, with every fault of the provider and every fate of the hold, in one process',
    combinations: lived.length,
    operations: lived.length,
    faultsInjected: crashes.filter(({ crashed }) => crashed).length,
    violations: lived.flatMap(({ combination, fault }) => (fault ? [`${nameOf(combination)}: ${fault}`] : [])),
    recoveredMs: Math.round(Math.max(0, ...crashes.map(({ recoveredMs }) => recoveredMs ?? 0))),
  };
  return { lived, drill };
}

/** The points named in the code at which none of these crashed. */
function notCrashedAt(lived: LivedThrough[]): CrashPoint[] {
  const crashedAt = new Set(lived.filter(({ crashed }) => crashed).map(({ combination }) => combination.crashAt));
  return CRASH_POINTS.filter((point) => !crashedAt.has(point));
}

/** What the killed processes left behind is taken up by another one, as after a restart. */
async function continueKilled(theatre: Theatre, lives: Lives, kills: ProcessCrash[]): Promise<DrillResult> {
  const startedAtMs = performance.now();
  const violations: string[] = [];
  await Promise.all(
    kills.map(async ({ combination, held, killed }) => {
      if (!killed) violations.push(`${nameOf(combination)}: payment-service was not killed`);
      lives.begin({ ...combination, crashAt: undefined }, held);
      await makeDue(theatre.db, held);
      const end = await theatre.ends.payment(held.holdId, STUCK_MS);
      if (!end) violations.push(`${nameOf(combination)}: the payment is stuck`);
    }),
  );
  return {
    name: 'SIGKILL',
    fault: 'SIGKILL of the payment-service process, once at every point; another process continues',
    combinations: kills.length,
    operations: kills.length,
    faultsInjected: kills.filter(({ killed }) => killed).length,
    violations,
    recoveredMs: Math.round(performance.now() - startedAtMs),
  };
}

function ofRace(name: string, { rounds, outcomes, faults }: RaceResult): DrillResult {
  const unseen = Object.entries(outcomes).filter(([, times]) => times === 0);
  return {
    name,
    fault: Object.entries(outcomes)
      .map(([outcome, times]) => `${outcome} ${times} times`)
      .join(', '),
    combinations: 1,
    operations: rounds,
    faultsInjected: rounds,
    violations: [
      ...faults.map(({ held, what }) => `hold ${held.holdId}: ${what}`),
      ...unseen.map(([outcome]) => `the outcome "${outcome}" was never seen`),
    ],
    recoveredMs: null,
  };
}

/** How often a payment crashed at each point that is named in the code. */
function reachedBy(lived: LivedThrough[], kills: ProcessCrash[]): Record<string, number> {
  const crashed = [...lived.filter((life) => life.crashed), ...kills.filter(({ killed }) => killed)];
  const counts: Record<string, number> = Object.fromEntries(CRASH_POINTS.map((point) => [point, 0]));
  for (const { combination } of crashed) {
    if (combination.crashAt) counts[combination.crashAt] = (counts[combination.crashAt] ?? 0) + 1;
  }
  return counts;
}

function findings(
  violations: Violation[],
  branchesReached: Record<string, number>,
  drills: DrillResult[],
): PaymentsFindings {
  const of = (invariant: Violation['invariant']) => violations.filter((each) => each.invariant === invariant).length;
  const judged: DrillResult = {
    name: 'the books of both sides and the seats',
    fault: 'none: what is left when everything is over, read by a checker that knows nothing of the protocol',
    combinations: 0,
    operations: 0,
    faultsInjected: 0,
    violations: [
      ...violations.map(({ invariant, holdId, what }) => `${invariant}: hold ${holdId}: ${what}`),
      ...Object.entries(branchesReached)
        .filter(([, times]) => times === 0)
        .map(([point]) => `nothing ever crashed at ${point}`),
    ],
    recoveredMs: null,
  };
  return {
    drills: [...drills, judged],
    invariants: INVARIANTS,
    branchesReached,
    chargedWithoutSeat: of('nobody is charged without a seat'),
    seatWithoutCharge: of('no seat is given without its charge'),
  };
}

/** Webhooks may be late and refused: what they still lead to belongs to the books. */
export async function webhooksDelivered({ stage }: Theatre): Promise<void> {
  for (const giveUpAtMs = performance.now() + WEBHOOKS_MAX_MS; performance.now() < giveUpAtMs;) {
    if ((await undeliveredWebhooks(stage.provider)) === 0) return;
    await sleep(POLL_MS);
  }
}

function nameOf({ fault, fate, crashAt }: LivedThrough['combination']): string {
  return `${fault}, ${fate}, ${crashAt ? `crash at ${crashAt}` : 'no crash'}`;
}

/** A line each tenth of the way. */
function progress(log: (line: string) => void, what: string, total: number): () => void {
  let done = 0;
  return () => {
    done += 1;
    if (done === total || done % Math.max(1, Math.ceil(total / 10)) === 0) log(`  ${what}: ${done} of ${total}`);
  };
}
