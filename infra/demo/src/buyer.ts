import { setTimeout as sleep } from 'node:timers/promises';
import type { HoldBody } from '@holdfast/contracts';
import type { SeatView } from './seat-view';
import type { Shop, ShopAnswer } from './shop';
import type { Tally } from './tally';
import type { Taste } from './taste';

/** What buyers do once they hold seats, and how many of a hundred do it. */
export const HABITS = {
  pays: 45,
  abandons: 20,
  releases: 10,
  'extends and pays': 10,
  'pays too late': 10,
  'pays with a second card': 5,
} as const;

export type Habit = keyof typeof HABITS;

const GOOD_CARD = 'pm_card_visa';
const EMPTY_CARD = 'pm_card_chargeDeclinedInsufficientFunds';

/** Refused so often, a buyer goes home. */
const CLICKS_MAX = 8;
const THINKS_MS = { min: 50, max: 600 };
/** Whoever extends does so when this much of the time is gone. */
const EXTENDS_AT = 0.6;
const LATE_MS_MAX = 700;
const WAITS_FOR_LAST_PAYMENT_MS = 500;

export interface BuyerContext {
  shop: Shop;
  view: SeatView;
  taste: Taste;
  tally: Tally;
  eventId: string;
  holdSeconds: number;
  /** 0 up to 1. */
  random: () => number;
}

/** One buyer from the first click until leaving. */
export async function buy(token: string, habit: Habit, seats: number, context: BuyerContext): Promise<void> {
  const hold = await takeSeats(token, seats, context);
  if (!hold) return;
  const { shop, tally, holdSeconds, random } = context;
  const expect = (act: string, answer: ShopAnswer<unknown>, ...statuses: number[]) => {
    if (!statuses.includes(answer.status)) tally.unexpected(`${act}: ${answer.status} ${answer.code ?? ''}`.trim());
  };
  const pay = async (card: string, ...statuses: number[]) =>
    expect(`pay with ${card}`, await shop.pay(token, hold, card), ...statuses);

  switch (habit) {
    case 'abandons':
      tally.abandoned++;
      return;
    case 'pays':
      await think(random);
      return pay(GOOD_CARD, 201);
    case 'releases':
      await think(random);
      return expect('release', await shop.release(token, hold), 200);
    case 'extends and pays':
      await sleep(msLeft(hold) * EXTENDS_AT);
      expect('extend', await shop.extend(token, hold, holdSeconds), 200);
      await think(random);
      return pay(GOOD_CARD, 201);
    case 'pays too late':
      await sleep(msLeft(hold) + random() * LATE_MS_MAX);
      return pay(GOOD_CARD, 410);
    case 'pays with a second card':
      await think(random);
      await pay(EMPTY_CARD, 402);
      await sleep(Math.min(WAITS_FOR_LAST_PAYMENT_MS, msLeft(hold) / 4));
      return pay(GOOD_CARD, 201);
  }
}

/** The first click is blind, at what everybody wants; after a refusal the buyer looks at the seats again. */
async function takeSeats(token: string, count: number, context: BuyerContext): Promise<HoldBody | undefined> {
  const { shop, view, taste, tally, eventId, random } = context;
  for (let click = 1; click <= CLICKS_MAX; click++) {
    if (click > 1) await view.look();
    const seats = taste.pick(count, click === 1 ? () => true : view.isFree);
    if (!seats) break;
    const answer = await shop.hold(token, eventId, seats);
    if (answer.status === 201) {
      tally.served++;
      return answer.body;
    }
    if (answer.status === 409) tally.refused++;
    // Nobody here holds anything yet, so only other buyers' seats can be in the way.
    if (answer.code !== 'seats-taken' || isOwn(answer.body))
      tally.unexpected(`hold: ${answer.status} ${answer.code ?? ''} ${JSON.stringify(answer.body)}`.trim());
    await think(random);
  }
  tally.wentHome++;
  return undefined;
}

/** Whether the seats of a refusal are in the buyer's own way. */
function isOwn(problem: object): boolean {
  const { seats = [] } = problem as { seats?: { heldByYou?: boolean }[] };
  return seats.some(({ heldByYou }) => heldByYou);
}

/** By the server's clock, as the contract asks: the difference of two of its times. */
function msLeft({ expiresAt, serverTime }: HoldBody): number {
  return Math.max(0, Date.parse(expiresAt) - Date.parse(serverTime));
}

function think(random: () => number): Promise<void> {
  return sleep(THINKS_MS.min + random() * (THINKS_MS.max - THINKS_MS.min));
}
