import type { Database } from '@holdfast/postgres';
import { countDoubleBooked, countHeldSeats, createEvent, insertBareSeats } from './bench-event';
import { BenchProcess } from './bench-process';
import type { BenchSystem } from './bench-system';
import { runInChild } from './child';
import type { Clicks, ClicksResult } from './clicks';
import { cpuMsPerOperation, readCpu, type CpuAccount } from './cpu-account';
import { memoryMb } from './cpu-time';
import { generateLoad, type Load } from './load-generator';
import { median } from './percentile';
import { runPgbench } from './pgbench';
import { hundredths, WARM_UP_SECONDS, type Extent } from './settings';
import { buyerTokens, writeTokenFile } from './token-file';

const CONNECTIONS = 64;
/** Each takes a seat again every few thousand requests, so that no batch meets a buyer twice. */
const BUYERS = 5_000;
const LONE_CLICKS = 300;

export interface HoldRound {
  holdsPerSecond: number;
  pgbenchPerSecond: number;
  naivePerSecond: number;
  ratioToPgbench: number;
  ratioToNaive: number;
  p50Ms: number;
  p99Ms: number;
  lone: { p50Ms: number; p50WithoutGroupCommitMs: number };
  cpuMsPerHold: CpuAccount;
  memoryMb: number;
  doubleBooked: number;
}

export const HOLD_SETTINGS = {
  connections: CONNECTIONS,
  buyers: BUYERS,
  seatsPerRequest: 1,
  warmUpSeconds: WARM_UP_SECONDS,
};

/** Fresh seats, one a request: the product, pgbench's bare write and the naive transaction take turns. */
export async function benchHold(
  system: BenchSystem,
  db: Database,
  extent: Extent,
  log: (line: string) => void,
): Promise<HoldRound[]> {
  const tokens = buyerTokens(system, BUYERS);
  const tokenFile = writeTokenFile(system, tokens);
  const bench = await BenchProcess.start(system);
  const rounds: HoldRound[] = [];
  try {
    for (let nth = 1; nth <= extent.rounds; nth++) {
      log(`Round ${nth} of ${extent.rounds}: hold`);
      rounds.push(await round({ system, db, extent, bench, tokens, tokenFile, run: `hold-${nth}` }));
    }
  } finally {
    await bench.stop();
  }
  return rounds;
}

interface RoundParts {
  system: BenchSystem;
  db: Database;
  extent: Extent;
  bench: BenchProcess;
  tokens: string[];
  tokenFile: string;
  run: string;
}

async function round(parts: RoundParts): Promise<HoldRound> {
  const { system, db, extent, bench, run } = parts;
  const pgbenchPerSecond = await measurePgbench(parts);

  const eventId = await createEvent(system, extent.seats);
  const service = system.processes['hold-service'];
  const path = `/v1/events/${eventId}/holds`;
  const product = await measureLoad(parts, { origin: service.url, path, run: `${run}-product` }, service.pid);
  const doubleBooked = await countDoubleBooked(db, eventId);

  const naiveEventId = await createEvent(system, extent.seats);
  const naivePath = `/v1/bench/naive/${naiveEventId}`;
  const naive = await measureLoad(parts, { origin: bench.origin, path: naivePath, run: `${run}-naive` }, bench.pid);

  const lone = await measureLone(parts);
  return {
    holdsPerSecond: Math.round(product.perSecond),
    pgbenchPerSecond: Math.round(pgbenchPerSecond),
    naivePerSecond: Math.round(naive.perSecond),
    ratioToPgbench: hundredths(product.perSecond / pgbenchPerSecond),
    ratioToNaive: hundredths(product.perSecond / naive.perSecond),
    p50Ms: hundredths(product.p50Ms),
    p99Ms: hundredths(product.p99Ms),
    lone,
    cpuMsPerHold: product.cpuMs,
    memoryMb: memoryMb(service.pid),
    doubleBooked,
  };
}

async function measurePgbench({ system, db, extent }: RoundParts): Promise<number> {
  const eventId = await insertBareSeats(db, extent.seats);
  const options = { url: system.servers.postgresUrl, eventId, clients: CONNECTIONS };
  const warmUp = Math.floor(extent.seats / 4);
  await runPgbench({ ...options, firstSeat: 0, writes: warmUp });
  const writes = extent.seats - warmUp;
  const perSecond = await runPgbench({ ...options, firstSeat: warmUp, writes });
  const written = await countHeldSeats(db, eventId);
  if (written < extent.seats - 2 * CONNECTIONS)
    throw new Error(`pgbench wrote only ${written} of ${extent.seats} seats`);
  return perSecond;
}

async function measureLoad(
  { system, extent, tokens, tokenFile }: RoundParts,
  { origin, path, run }: { origin: string; path: string; run: string },
  pid: number | undefined,
) {
  const load: Omit<Load, 'firstSeat' | 'run' | 'seconds'> = {
    ...{ origin, path, tokenFile },
    connections: CONNECTIONS,
    mode: 'fresh',
  };
  // Every buyer has been here before: their tokens are known.
  const seen = { clicks: BUYERS, connections: CONNECTIONS, seatIds: ['S0'], run: `${run}-tokens` };
  await runInChild<ClicksResult>('clicks', { origin, path, tokens, ...seen } satisfies Clicks);
  await generateLoad({ ...load, firstSeat: 1, seconds: WARM_UP_SECONDS, run: `${run}-warm-up` });
  const before = readCpu(system, pid);
  // Far beyond the last seat of the warm-up, which takes a third as long: what its threads had sent is not known exactly.
  const firstSeat = Math.floor(extent.seats / 3);
  const result = await generateLoad({ ...load, firstSeat, seconds: extent.seconds, run });
  const after = readCpu(system, pid);
  if (result.requests > extent.seats - firstSeat)
    throw new Error(`The ${extent.seats} seats were too few: all are taken`);
  const faults = result.refused + result.failed;
  if (faults > 0) throw new Error(`${faults} of ${result.requests} requests to ${path} were refused or not answered`);
  return {
    ...result,
    perSecond: result.requests / result.seconds,
    cpuMs: cpuMsPerOperation(before, after, result.requests),
  };
}

/** One buyer at a time, with and without group commit, in turns. */
async function measureLone({ system, bench, tokens, run }: RoundParts): Promise<HoldRound['lone']> {
  const turns = 4;
  const eventId = await createEvent(system, turns * LONE_CLICKS);
  const times: Record<'with' | 'without', number[]> = { with: [], without: [] };
  for (let turn = 0; turn < turns; turn++) {
    const side = turn % 2 === 0 ? 'with' : 'without';
    const result = await runInChild<ClicksResult>('clicks', {
      origin: bench.origin,
      path: side === 'with' ? `/v1/events/${eventId}/holds` : `/v1/bench/direct/${eventId}`,
      tokens,
      seatIds: Array.from({ length: LONE_CLICKS }, (_, nth) => `S${turn * LONE_CLICKS + nth}`),
      clicks: LONE_CLICKS,
      connections: 1,
      run: `${run}-lone-${turn}`,
    } satisfies Clicks);
    if (result.statuses[201] !== LONE_CLICKS)
      throw new Error(`Lone buyers were answered ${JSON.stringify(result.statuses)}`);
    times[side].push(result.p50Ms);
  }
  return { p50Ms: hundredths(median(times.with)), p50WithoutGroupCommitMs: hundredths(median(times.without)) };
}
