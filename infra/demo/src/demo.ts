import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@holdfast/postgres';
import { seededRandom, type PlanFile } from '@holdfast/plan';
import { build as buildHistogram } from 'hdr-histogram-js';
import { sendCrowd } from './crowd';
import type { DemoSystem } from './demo-system';
import { readEvidence, readUnsettled } from './evidence';
import { judge, type Faults, type Verdict } from './judge';
import type { Progress } from './progress';
import { SeatView } from './seat-view';
import { Shop } from './shop';
import { Tally } from './tally';
import { Taste } from './taste';

export interface DemoSettings {
  plan: PlanFile;
  buyers: number;
  holdSeconds: number;
  /** The same seed makes the same crowd. */
  seed: number;
}

/** The demo's row of figures. */
export interface DemoFigures extends Faults {
  seats: number;
  buyers: number;
  /** Buyers that left without paying or releasing. */
  abandoned: number;
  /** Buyers that never got a hold. */
  wentHome: number;
  /** Holds: `held` = `booked` + `expired` + `released`. */
  held: number;
  booked: number;
  expired: number;
  released: number;
  /** Requests to hold answered with 409. */
  refused: number;
  sweptReleases: number;
  latenessMs: { p50: number; p99: number; max: number };
  /** From the first buyer to the last release. */
  seconds: number;
}

export interface DemoResult {
  figures: DemoFigures;
  findings: string[];
  unexpectedAnswers: Map<string, number>;
}

const PRICE_MINOR = 4_500;
const SEATS_PER_BUYER_MAX = 8;
/** A payment that begins just before the deadline may take this long. */
const PAY_GRACE_SECONDS = 2;
const SETTLE_POLL_MS = 250;
/** Far beyond any promise: what is still open then is a fault. */
const SETTLE_MS = 20_000;

/** Sells one event to a crowd and judges by the books what came of it. */
export async function runDemo(
  system: DemoSystem,
  db: Database,
  settings: DemoSettings,
  progress: Progress,
): Promise<DemoResult> {
  const { plan, buyers, holdSeconds, seed } = settings;
  const shop = new Shop(system.url);
  const eventId = await createEvent(system, shop, settings);
  const seatIds = plan.zones.flatMap((zone) => zone.rows.flatMap((row) => row.seats.map((seat) => seat.seat_guid)));
  const random = seededRandom(seed);
  const tally = new Tally();
  const view = new SeatView(shop, eventId, seatIds);
  const tokens = await Promise.all(
    Array.from({ length: buyers }, (_, nth) => system.token(`${eventId}-buyer-${nth}`, 'buyer')),
  );

  const startedAt = performance.now();
  progress.start(buyers, tally);
  const context = { shop, view, taste: new Taste(plan, random), tally, eventId, holdSeconds, random };
  await sendCrowd({ ...context, buyers, tokenOf: (nth) => tokens[nth] ?? '' });
  progress.say('The last buyer has left; waiting for the last releases.');
  await settle(db, eventId, system, holdSeconds);
  const seconds = (performance.now() - startedAt) / 1_000;
  progress.stop();

  const verdict = judge(await readEvidence(db, eventId, system.provider));
  const untold = verdict.held - tally.served;
  if (untold !== 0) tally.unexpected(`${untold} more holds in the books than buyers were told of`);
  return {
    figures: figuresOf(verdict, tally, { seats: seatIds.length, buyers, seconds: Math.round(seconds * 10) / 10 }),
    findings: verdict.findings,
    unexpectedAnswers: tally.unexpectedAnswers,
  };
}

async function createEvent(system: DemoSystem, shop: Shop, { plan, holdSeconds }: DemoSettings): Promise<string> {
  const { status, body } = await shop.createEvent(await system.token('demo-organiser', 'organiser'), {
    name: plan.name,
    currency: 'EUR',
    plan,
    prices: Object.fromEntries(plan.categories.map(({ name }) => [name, PRICE_MINOR])),
    sale: {
      holdSeconds,
      extensionsMax: 1,
      seatsPerBuyerMax: SEATS_PER_BUYER_MAX,
      payGraceSeconds: PAY_GRACE_SECONDS,
    },
  });
  if (status !== 201) throw new Error(`The plan was refused with status ${status}: ${JSON.stringify(body)}`);
  return body.eventId;
}

/** Waits until nothing is held, unnumbered or set aside any more, or for far longer than any promise. */
async function settle(db: Database, eventId: string, { provider }: DemoSystem, holdSeconds: number): Promise<void> {
  const giveUpAt = performance.now() + holdSeconds * 1_000 + SETTLE_MS;
  while ((await readUnsettled(db, eventId, provider)) > 0 && performance.now() < giveUpAt) await sleep(SETTLE_POLL_MS);
}

function figuresOf(
  { faults, held, booked, expired, released, sweptReleases, latenessMs }: Verdict,
  { abandoned, wentHome, refused }: Tally,
  size: { seats: number; buyers: number; seconds: number },
): DemoFigures {
  return {
    ...size,
    ...{ abandoned, wentHome, held, booked, expired, released, refused },
    ...faults,
    latenessMs: percentiles(latenessMs),
    sweptReleases,
  };
}

const MICROSECONDS = 1_000;

function percentiles(valuesMs: number[]): DemoFigures['latenessMs'] {
  const histogram = buildHistogram({ numberOfSignificantValueDigits: 3 });
  for (const value of valuesMs) histogram.recordValue(Math.max(0, Math.round(value * MICROSECONDS)));
  const max = Math.max(0, ...valuesMs);
  // The histogram answers with the end of a bucket, which may lie beyond all values.
  const at = (percentile: number) => round(Math.min(max, histogram.getValueAtPercentile(percentile) / MICROSECONDS));
  return { p50: at(50), p99: at(99), max: round(max) };
}

const round = (value: number) => Math.round(value * 10) / 10;
