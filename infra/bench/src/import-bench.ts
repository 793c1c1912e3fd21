import { randomUUID } from 'node:crypto';
import { arenaPlan, SEATS_MAX } from '@holdfast/plan';
import type { Database } from '@holdfast/postgres';
import { countDoubleBooked, createEvent } from './bench-event';
import type { BenchSystem } from './bench-system';
import { runInChild } from './child';
import { memoryMb } from './cpu-time';
import { hundredths, thousandths, WARM_UP_SECONDS, type Extent } from './settings';
import type { SteadyBuyers, SteadyBuyersResult } from './steady-buyers';
import { buyerTokens } from './token-file';

const BUYERS = 1_000;
const HOLDS_PER_SECOND = 300;
const MS_PER_SECOND = 1_000;
const BYTES_PER_MB = 1024 * 1024;

/** What buyers of one event notice while something else goes on. */
export interface HoldsMeanwhile {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** The longest turn of the service's event loop, by its own metric. */
  longestTurnMs: number;
}

export interface ImportRound {
  seats: number;
  bodyMb: number;
  importSeconds: number;
  quiet: HoldsMeanwhile;
  importing: HoldsMeanwhile;
  /** Every seat's state of an event as large, read over and over. */
  reading: HoldsMeanwhile;
  /** Its layout, likewise. */
  drawing: HoldsMeanwhile;
  importingRatio: number;
  readingRatio: number;
  failed: number;
  doubleBooked: number;
  memoryMb: number;
}

export const IMPORT_SETTINGS = { holdsPerSecond: HOLDS_PER_SECOND, importsAtOnce: 1, readersAtOnce: 1 };

/** Buyers hold seats of one event at an even pace while others of the largest size are made and read, one after another. */
export async function benchImport(
  system: BenchSystem,
  db: Database,
  extent: Extent,
  log: (line: string) => void,
): Promise<ImportRound[]> {
  const body = Buffer.from(JSON.stringify(eventOf(SEATS_MAX)));
  const tokens = buyerTokens(system, BUYERS);
  const rounds: ImportRound[] = [];
  for (let nth = 1; nth <= extent.rounds; nth++) {
    log(`Round ${nth} of ${extent.rounds}: import`);
    rounds.push(await round({ system, db, extent, body, tokens, run: `import-${nth}` }, log));
  }
  return rounds;
}

interface RoundParts {
  system: BenchSystem;
  db: Database;
  extent: Extent;
  body: Buffer;
  tokens: string[];
  run: string;
}

async function round({ system, db, extent, body, tokens, run }: RoundParts, log: (line: string) => void) {
  const service = system.processes['hold-service'];
  const eventId = await createEvent(system, extent.seats);
  let [sent, failed] = [0, 0];
  const meanwhile = async (name: string, seconds: number, work?: () => Promise<unknown>): Promise<HoldsMeanwhile> => {
    log(`  ${name}`);
    await longestTurnMs(service.url);
    const buyers = runInChild<SteadyBuyersResult>('steady-buyers', {
      ...{ origin: service.url, path: `/v1/events/${eventId}/holds`, tokens, seconds },
      ...{ perSecond: HOLDS_PER_SECOND, firstSeat: sent, run: `${run}-${name}` },
    } satisfies SteadyBuyers);
    let isOver = false;
    void buyers.finally(() => (isOver = true));
    while (work && !isOver) await work();
    const result = await buyers;
    sent += HOLDS_PER_SECOND * seconds;
    failed += result.failed;
    return {
      p50Ms: hundredths(result.p50Ms),
      p99Ms: hundredths(result.p99Ms),
      maxMs: hundredths(result.maxMs),
      longestTurnMs: await longestTurnMs(service.url),
    };
  };

  const importsMs: number[] = [];
  let imported = '';
  const importOne = async () => {
    const startedAt = performance.now();
    imported = await postEvent(system, service.url, body);
    importsMs.push(performance.now() - startedAt);
  };
  await meanwhile('warm-up', WARM_UP_SECONDS, importOne);
  importsMs.length = 0;
  const quiet = await meanwhile('quiet', extent.seconds);
  const importing = await meanwhile('importing', extent.seconds, importOne);
  const memory = memoryMb(service.pid);
  const read = (what: string) => async () =>
    (await fetch(`${service.url}/v1/events/${imported}/${what}`)).arrayBuffer();
  const reading = await meanwhile('reading', extent.seconds, read('seats'));
  const drawing = await meanwhile('drawing', extent.seconds, read('layout'));
  return {
    seats: SEATS_MAX,
    bodyMb: hundredths(body.length / BYTES_PER_MB),
    importSeconds: hundredths(importsMs.reduce((sum, ms) => sum + ms, 0) / importsMs.length / MS_PER_SECOND),
    ...{ quiet, importing, reading, drawing },
    importingRatio: hundredths(importing.p99Ms / quiet.p99Ms),
    readingRatio: hundredths(reading.p99Ms / quiet.p99Ms),
    failed,
    doubleBooked: await countDoubleBooked(db, eventId),
    memoryMb: memory,
  };
}

function eventOf(seats: number): object {
  const plan = arenaPlan(seats);
  const prices = Object.fromEntries(plan.categories.map(({ name }) => [name, 4_500]));
  return { name: 'Arena', currency: 'EUR', plan, prices };
}

async function postEvent(system: BenchSystem, origin: string, body: Buffer): Promise<string> {
  const answer = await fetch(`${origin}/v1/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${system.tokens.organiser}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body,
  });
  if (answer.status !== 201) throw new Error(`The event was refused: ${await answer.text()}`);
  return ((await answer.json()) as { eventId: string }).eventId;
}

/** The longest since it was asked for last. */
async function longestTurnMs(origin: string): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const seconds = /^nodejs_eventloop_lag_max_seconds(?:\{.*\})? (\S+)$/m.exec(text)?.[1];
  if (seconds === undefined) throw new Error('the service does not say how long its event loop took');
  return thousandths(Number(seconds)) * MS_PER_SECOND;
}
