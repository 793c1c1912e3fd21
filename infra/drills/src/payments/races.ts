import { setTimeout as sleep } from 'node:timers/promises';
import type { OnCrashPoint } from '@holdfast/payment-service';
import type { Database } from '@holdfast/postgres';
import { inParallel } from '../in-parallel';
import type { Held } from './drill-event';
import { pay } from './payment-app';
import type { Theatre } from './theatre';

const AT_A_TIME = 8;
const STUCK_MS = 30_000;
/** Between two clicks of one buyer. */
const CLICKS_APART_MS = 4;
/** The race is this close to the deadline, before and after it. */
const DEADLINE_WINDOW_MS = 5;
const LEAD_STEP_MS = 0.5;
/** From now to the deadline that a payment is raced with: enough to get ready. */
const RUN_UP_MS = 60;

/** How often each outcome came. */
export interface RaceResult {
  rounds: number;
  outcomes: Record<string, number>;
  faults: { held: Held; what: string }[];
}

/**
 * Two payments for one hold at almost the same moment, by the same buyer under two keys: one of them pays, the other is
 * refused, and each of them may be the one.
 */
export async function raceTwoPayments(theatre: Theatre, rounds: number): Promise<RaceResult> {
  const result: RaceResult = { rounds, outcomes: { 'first wins': 0, 'second wins': 0 }, faults: [] };
  await inParallel(AT_A_TIME, Array.from({ length: rounds }), async () => {
    const held = await theatre.events.void.hold();
    const click = async () => {
      await sleep(Math.random() * CLICKS_APART_MS);
      return pay(theatre.stage, held, { card: 'pm_card_visa' });
    };
    const answers = await Promise.all([click(), click()]);
    const end = await theatre.ends.payment(held.holdId, STUCK_MS);
    const paying = answers.filter(({ status }) => status === 201 || status === 202);
    if (end !== 'captured' || paying.length !== 1) {
      const said = answers.map(({ status, code }) => `${status} ${code ?? ''}`).join(' and ');
      result.faults.push({ held, what: `two payments were answered ${said}, and the hold's ended ${end}` });
      return;
    }
    const winner = paying[0] === answers[0] ? 'first wins' : 'second wins';
    result.outcomes[winner] = (result.outcomes[winner] ?? 0) + 1;
  });
  return result;
}

/** Payments that stand just before the fence, and whoever lets each of them on. */
export class BeforeFence {
  private readonly waiting = new Map<string, { arrived: () => void; go: Promise<void> }>();

  readonly onCrashPoint: OnCrashPoint = async (point, { holdId = '' }) => {
    const waiting = this.waiting.get(holdId);
    if (!waiting || point !== 'authorised:book:before') return;
    this.waiting.delete(holdId);
    waiting.arrived();
    await waiting.go;
  };

  /** @returns when the payment of this hold has come to the fence, and how to let it on */
  expect({ holdId }: Held): { arrived: Promise<void>; letOn: () => void } {
    let arrivedNow = () => {};
    let letOn = () => {};
    const arrived = new Promise<void>((resolve) => (arrivedNow = resolve));
    const go = new Promise<void>((resolve) => (letOn = resolve));
    this.waiting.set(holdId, { arrived: arrivedNow, go });
    return { arrived, letOn };
  }
}

/**
 * How long before a moment a command must leave to arrive at it, learnt from what became of the last ones: half of them
 * come too late when it is right, however busy the machine is.
 */
class Lead {
  ms = 10;

  learn(end: string): void {
    this.ms = Math.max(0, this.ms + (end === 'captured' ? -LEAD_STEP_MS : LEAD_STEP_MS));
  }
}

/**
 * A payment whose booking arrives within some milliseconds of its hold's deadline, raced with the expiry of that hold:
 * either it is captured and the seats are its buyer's, or it is voided and they are free.
 */
export async function raceWithExpiry(theatre: Theatre, fence: BeforeFence, rounds: number): Promise<RaceResult> {
  const { db, ends, stage } = theatre;
  const event = theatre.events.void;
  const lead = new Lead();
  const result: RaceResult = { rounds, outcomes: { captured: 0, voided: 0 }, faults: [] };
  await inParallel(AT_A_TIME, Array.from({ length: rounds }), async () => {
    const held = await event.hold();
    const { arrived, letOn } = fence.expect(held);
    const answer = pay(stage, held, { card: 'pm_card_visa' });
    const ready = await Promise.race([arrived.then(() => true), sleep(STUCK_MS, false, { ref: false })]);
    if (!ready) result.faults.push({ held, what: 'the payment never came to the fence' });
    await event.moveDeadline(held, RUN_UP_MS);
    const leftMs = await untilDeadlineMs(db, held);
    const deadlineMs = performance.now() + leftMs;
    const jitterMs = (Math.random() * 2 - 1) * DEADLINE_WINDOW_MS;
    await until(deadlineMs + jitterMs - lead.ms);
    letOn();
    await until(deadlineMs);
    // Asked at once and again: whoever looks may come a moment before the deadline by the database's clock.
    for (let looks = 0; looks < 3; looks++) await event.expire(held);
    await answer;
    const end = await ends.payment(held.holdId, STUCK_MS);
    await event.expire(held);
    if (end !== 'captured' && end !== 'voided') {
      result.faults.push({ held, what: `the payment ended ${end}` });
      return;
    }
    lead.learn(end);
    result.outcomes[end] = (result.outcomes[end] ?? 0) + 1;
  });
  return result;
}

async function untilDeadlineMs(db: Database, { eventId, holdId }: Held): Promise<number> {
  const [row] = await db.query<{ leftMs: number }>(
    `SELECT extract(epoch FROM deadline - clock_timestamp())::float8 * 1000 AS "leftMs"
       FROM inventory.holds WHERE event_id = $1 AND hold_id = $2`,
    [eventId, holdId],
  );
  return row?.leftMs ?? 0;
}

/** Timers are late by a millisecond or more, so the last two are waited for turn by turn. */
async function until(atMs: number): Promise<void> {
  const roughMs = atMs - performance.now() - 2;
  if (roughMs > 0) await sleep(roughMs);
  while (performance.now() < atMs) await new Promise((resolve) => setImmediate(resolve));
}
