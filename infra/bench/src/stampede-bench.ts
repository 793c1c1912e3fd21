import { setTimeout as sleep } from 'node:timers/promises';
import { beginPayment, book, hold } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { createEvent } from './bench-event';
import { BenchProcess } from './bench-process';
import type { BenchSystem } from './bench-system';
import { runInChild } from './child';
import type { Clicks, ClicksResult } from './clicks';
import { readCpu } from './cpu-account';
import { DATABASE_VARIANTS } from './database-refusals';
import { generateLoad } from './load-generator';
import { hundredths, WARM_UP_SECONDS, type Extent } from './settings';
import { buyerTokens, writeTokenFile } from './token-file';

const CLICKS = 5_000;
const CONNECTIONS = 100;
const SEATS = 10;
/** A connection of Postgres that has gone idle reports what it counted after ten seconds. */
const COUNTED_AFTER_MS = 11_000;

export const VARIANTS = [...DATABASE_VARIANTS, 'redis', 'near'] as const;
export type Variant = (typeof VARIANTS)[number];

export interface Stampede {
  clicks: number;
  winners: number;
  loserStatements: number;
  refusalsPerSecond: number;
  /** Of the clicks. */
  p99Ms: number;
  postgresCpuSeconds: number;
}

export interface StampedeRound {
  variants: Record<Variant, Stampede>;
  /** The same on a seat that is booked already: nobody wins. */
  booked: Record<'redis' | 'near', Stampede>;
  bareHttpPerSecond: number;
  refusalRatio: number;
}

export const STAMPEDE_SETTINGS = { clicks: CLICKS, connections: CONNECTIONS, buyers: CLICKS };

interface RoundParts {
  system: BenchSystem;
  db: Database;
  extent: Extent;
  tokens: string[];
  tokenFile: string;
  run: string;
}

/** Everybody wants one seat. The first three variants are Postgres alone; `redis` and `near` are the product. */
export async function benchStampede(
  system: BenchSystem,
  db: Database,
  extent: Extent,
  log: (line: string) => void,
): Promise<StampedeRound[]> {
  const tokens = buyerTokens(system, CLICKS);
  const tokenFile = writeTokenFile(system, tokens);
  const rounds: StampedeRound[] = [];
  for (let nth = 1; nth <= extent.rounds; nth++) {
    log(`Round ${nth} of ${extent.rounds}: stampede`);
    rounds.push(await round({ system, db, extent, tokens, tokenFile, run: `stampede-${nth}` }, log));
  }
  return rounds;
}

async function round(parts: RoundParts, log: (line: string) => void): Promise<StampedeRound> {
  const withoutMap = await BenchProcess.start(parts.system, { HOLDFAST_TAKEN_MAP_MS: '0' });
  try {
    const variants: Partial<Record<Variant, Stampede>> = {};
    const stampede = (process: BenchProcess, variant: Variant, isBooked = false) => {
      log(`  ${variant}${isBooked ? ', a booked seat' : ''}`);
      return measure(parts, process, variant, isBooked);
    };
    for (const variant of DATABASE_VARIANTS) variants[variant] = await stampede(withoutMap, variant);
    variants.redis = await stampede(withoutMap, 'redis');
    const bookedRedis = await stampede(withoutMap, 'redis', true);
    await withoutMap.stop();

    const withMap = await BenchProcess.start(parts.system);
    try {
      variants.near = await stampede(withMap, 'near');
      const bookedNear = await stampede(withMap, 'near', true);
      log('  an empty route');
      const bareHttpPerSecond = await measureBare(parts, withMap);
      const refusalRatio = hundredths(variants.near.refusalsPerSecond / bareHttpPerSecond);
      const booked = { redis: bookedRedis, near: bookedNear };
      return { variants: variants as Record<Variant, Stampede>, booked, bareHttpPerSecond, refusalRatio };
    } finally {
      await withMap.stop();
    }
  } finally {
    await withoutMap.stop();
  }
}

async function measure(
  { system, db, extent, tokens, tokenFile, run }: RoundParts,
  bench: BenchProcess,
  variant: Variant,
  isBooked: boolean,
): Promise<Stampede> {
  const eventId = await createEvent(system, SEATS);
  if (isBooked) await bookSeat(db, eventId);
  const isProduct = variant === 'redis' || variant === 'near';
  const path = isProduct ? `/v1/events/${eventId}/holds` : `/v1/bench/${variant}/${eventId}`;
  const name = `${run}-${variant}-${isBooked ? 'booked' : 'free'}`;
  const cpuBefore = readCpu(system, bench.pid).postgres;
  const clicks = await runInChild<ClicksResult>('clicks', {
    ...{ origin: bench.origin, path, tokens, clicks: CLICKS, connections: CONNECTIONS },
    seatIds: ['S0'],
    run: name,
  } satisfies Clicks);
  const answered = (clicks.statuses[201] ?? 0) + (clicks.statuses[409] ?? 0);
  if (answered !== CLICKS) throw new Error(`${variant}: clicks were answered ${JSON.stringify(clicks.statuses)}`);

  const statementsBefore = await countSeatStatements(db);
  const load = { origin: bench.origin, path, tokenFile, connections: CONNECTIONS, mode: 'same', firstSeat: 0 } as const;
  const rate = await generateLoad({ ...load, seconds: extent.seconds, run: `${name}-loop` });
  const loserStatements = (await countSeatStatements(db)) - statementsBefore;
  const postgresCpuSeconds = hundredths(readCpu(system, bench.pid).postgres - cpuBefore);
  const wins = await readWins(db, eventId);
  return {
    clicks: CLICKS,
    winners: isBooked ? (clicks.statuses[201] ?? 0) : wins,
    loserStatements,
    refusalsPerSecond: Math.round(rate.refused / rate.seconds),
    p99Ms: hundredths(clicks.p99Ms),
    postgresCpuSeconds,
  };
}

async function measureBare({ extent, tokenFile, run }: RoundParts, bench: BenchProcess): Promise<number> {
  const load = {
    origin: bench.origin,
    path: '/v1/bench/bare',
    tokenFile,
    connections: CONNECTIONS,
    firstSeat: 0,
  } as const;
  await generateLoad({ ...load, mode: 'bare', seconds: WARM_UP_SECONDS, run: `${run}-bare-warm-up` });
  const { requests, seconds } = await generateLoad({
    ...load,
    mode: 'bare',
    seconds: extent.seconds,
    run: `${run}-bare`,
  });
  return Math.round(requests / seconds);
}

/** Looks into the seats, by index or not, as Postgres counts them: every statement on the table makes at least one. */
async function countSeatStatements(db: Database): Promise<number> {
  await sleep(COUNTED_AFTER_MS);
  const [row] = await db.query<{ looks: string }>(
    `SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) AS looks
       FROM pg_stat_user_tables WHERE schemaname = 'inventory' AND relname = 'seats'`,
  );
  return Number(row?.looks ?? 0);
}

/** A seat's version rises by one with each win. */
async function readWins(db: Database, eventId: string): Promise<number> {
  const rows = await db.query<{ version: number }>(
    `SELECT version FROM inventory.seats WHERE event_id = $1 AND seat_id = 'S0'`,
    [eventId],
  );
  return rows[0]?.version ?? 0;
}

async function bookSeat(db: Database, eventId: string): Promise<void> {
  const [holdId, attemptId, buyerId] = [newId(), newId(), 'owner'];
  await hold(db, eventId, [{ holdId, buyerId, key: 'k', bodyHash: Buffer.alloc(1), seatIds: ['S0'] }]);
  const [begun] = await beginPayment(db, eventId, [{ attemptId, holdId, buyerId }]);
  if (begun?.outcome !== 'begun') throw new Error('The seat could not be paid for');
  const [booked] = await book(db, eventId, [{ attemptId, holdId, version: begun.version }]);
  if (booked?.outcome !== 'booked') throw new Error('The seat could not be booked');
}
