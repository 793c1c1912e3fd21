import type { CrashPoint } from '@holdfast/payment-service';
import { inParallel } from '../in-parallel';
import type { Held } from './drill-event';
import type { Lives } from './lives';
import { pay } from './payment-app';
import { FATES, SCENARIOS, type Combination } from './scenarios';
import type { Theatre } from './theatre';

/** Most of the time of a payment with a fault is waiting. */
const AT_A_TIME = 40;
/** A payment that has no end by then is stuck. */
const STUCK_MS = 30_000;
const TRIES_PER_POINT = 8;
/** A point that only a late webhook comes to is reached after the payment has ended. */
const LATE_POINT_MS = 2_000;

export interface LivedThrough {
  combination: Combination;
  held: Held;
  /** How the attempt ended; undefined when it is stuck. */
  end: string | undefined;
  points: CrashPoint[];
  crashed: boolean;
  /** From the crash to the end. */
  recoveredMs: number | undefined;
  /** What is wrong with this life alone, apart from what the books say. */
  fault: string | undefined;
}

/** Every fault with every fate of the hold, without a crash: which points each of them comes to. */
export function withoutCrash(): Combination[] {
  return [...SCENARIOS.keys()].flatMap((fault) =>
    [...FATES]
      .filter(([, { what, when }]) => what === 'nothing' || when !== 'while-down')
      .map(([fate]): Combination => ({ fault, fate, crashAt: undefined })),
  );
}

/**
 * For points at which nothing crashed: whether a payment comes there can depend on how busy the machine is. Faults that
 * lead there whatever becomes of the hold are tried first, then those that came there by chance, which on a busy machine
 * are many.
 *
 * @param turn each turn takes others, or the same again where there are few
 */
export function againAt(missing: CrashPoint[], lived: LivedThrough[], turn: number): Combination[] {
  const plain = lived.filter(({ combination }) => combination.crashAt === undefined);
  return missing.flatMap((point) => {
    const came = plain.filter(({ points }) => points.includes(point));
    const countOf = (lives: LivedThrough[], fault: string) =>
      lives.filter(({ combination }) => combination.fault === fault).length;
    const sureness = new Map(
      came.map(({ combination: { fault } }) => [fault, countOf(came, fault) / countOf(plain, fault)]),
    );
    const candidates = came
      .map(({ combination: { fault, fate } }): Combination => ({ fault, fate, crashAt: point }))
      .sort((a, b) => (sureness.get(b.fault) ?? 0) - (sureness.get(a.fault) ?? 0));
    const from = candidates.length > TRIES_PER_POINT ? turn * TRIES_PER_POINT : 0;
    return candidates.slice(from, from + TRIES_PER_POINT);
  });
}

/**
 * The product of crash points, faults and fates: each fault and fate crashes at every point it came to without a crash; a
 * hold that lives till then also ends while the process is down.
 *
 * @param every takes each so manyth of them only, and the first of each point, for a sample; 1 takes all
 */
export function withCrashes(lived: LivedThrough[], every = 1): Combination[] {
  const whileDown = [...FATES].filter(([, { when }]) => when === 'while-down').map(([name]) => name);
  const all = lived.flatMap(({ combination: { fault, fate }, points }) => {
    const { what, when } = FATES.get(fate) ?? { what: 'nothing', when: 'while-down' };
    // A fate that nothing came to is the hold's that lives.
    if (when !== 'while-down' && !points.includes(when)) return [];
    const fates = what === 'nothing' ? whileDown : [fate];
    return points.flatMap((crashAt) => fates.map((name): Combination => ({ fault, fate: name, crashAt })));
  });
  const seen = new Set<CrashPoint | undefined>();
  const isFirst = ({ crashAt }: Combination) => !seen.has(crashAt) && Boolean(seen.add(crashAt));
  return all.filter((combination, nth) => isFirst(combination) || nth % every === 0);
}

/** Lives all of them through to their end, many at a time. */
export async function liveThroughAll(
  theatre: Theatre,
  lives: Lives,
  combinations: Combination[],
  onDone: () => void,
): Promise<LivedThrough[]> {
  return inParallel(AT_A_TIME, combinations, async (combination) => {
    const lived = await liveThrough(theatre, lives, combination);
    onDone();
    return lived;
  });
}

async function liveThrough(theatre: Theatre, lives: Lives, combination: Combination): Promise<LivedThrough> {
  const { policy = 'void', what: fate } = FATES.get(combination.fate) ?? { what: 'nothing' };
  const held = await theatre.events[policy].hold();
  const live = lives.begin(combination, held);
  const { card, stranger, ends: expectedEnd, refundEnds } = live.scenario;
  await pay(theatre.stage, held, { card, payer: stranger ? `stranger-${held.holdId}` : held.buyerId });
  const end = await theatre.ends.payment(held.holdId, STUCK_MS);
  const refundEnd = end === 'captured' && refundEnds ? await theatre.ends.refund(held.holdId, STUCK_MS) : undefined;
  const recoveredMs = live.crashedAtMs && performance.now() - live.crashedAtMs;
  const crashed = await crashedBy(live, performance.now() + LATE_POINT_MS);
  const faultOfLife = () => {
    if (end === undefined) return 'the payment is stuck';
    if (fate !== 'nothing') return undefined;
    if (end !== expectedEnd) return `the hold lived and the payment ended ${end}, not ${expectedEnd}`;
    return refundEnd === refundEnds ? undefined : `the refund ended ${refundEnd}, not ${refundEnds}`;
  };
  const fault = faultOfLife();
  return { combination, held, end, points: [...live.points.keys()], crashed, recoveredMs, fault };
}

async function crashedBy(live: ReturnType<Lives['begin']>, giveUpAtMs: number): Promise<boolean> {
  const { crashAt } = live.combination;
  if (!crashAt?.startsWith('webhook:')) return live.crashedAtMs !== undefined;
  while (live.crashedAtMs === undefined && performance.now() < giveUpAtMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return live.crashedAtMs !== undefined;
}
