import type { Database } from '@holdfast/postgres';
import { countDoubleBooked, createEvent } from './bench-event';
import type { BenchSystem } from './bench-system';
import { runInChild } from './child';
import { memoryMb } from './cpu-time';
import { generateLoad } from './load-generator';
import type { OnSaleCrowd, OnSaleResult } from './on-sale-crowd';
import { hundredths, WARM_UP_SECONDS, type Extent } from './settings';
import { buyerTokens, writeTokenFile } from './token-file';

const SEATS = 50_000;
const BUYERS = 20_000;
const OVERLOAD = 1.5;
const CONNECTIONS = 64;
const SECONDS_MAX = 90;

export interface OnSaleRound {
  seats: number;
  buyers: number;
  offeredPerSecond: number;
  soldOutSeconds: number | null;
  accepted: { count: number; p99Ms: number };
  refused: { count: number; p99Ms: number };
  shed: number;
  /** Requests without an answer, or with one that does not belong here. */
  failed: number;
  holdsPerSecond: number;
  doubleBooked: number;
  memoryMb: number;
}

export const ON_SALE_SETTINGS = { overload: OVERLOAD, calibrationConnections: CONNECTIONS, seatsPerRequest: 1 };

/** An arena goes on sale and more buyers come than can be served: open loop, everybody wants the front rows. */
export async function benchOnSale(
  system: BenchSystem,
  db: Database,
  extent: Extent,
  log: (line: string) => void,
): Promise<OnSaleRound[]> {
  const tokens = buyerTokens(system, BUYERS);
  const tokenFile = writeTokenFile(system, tokens);
  const rounds: OnSaleRound[] = [];
  for (let nth = 1; nth <= extent.rounds; nth++) {
    log(`Round ${nth} of ${extent.rounds}: on-sale`);
    const service = system.processes['hold-service'];
    const offeredPerSecond = Math.round(
      OVERLOAD * (await calibrate(system, service.url, tokenFile, extent, `sale-${nth}`)),
    );
    log(`  offering ${offeredPerSecond} a second`);
    const eventId = await createEvent(system, SEATS);
    const result = await runInChild<OnSaleResult>('on-sale-crowd', {
      ...{ origin: service.url, path: `/v1/events/${eventId}/holds`, tokens, seats: SEATS },
      ...{ offeredPerSecond, secondsMax: SECONDS_MAX, run: `on-sale-${nth}` },
    } satisfies OnSaleCrowd);
    const { soldOutSeconds, accepted, refused, shed, failed } = result;
    rounds.push({
      ...{ seats: SEATS, buyers: BUYERS, offeredPerSecond, shed, failed },
      soldOutSeconds: soldOutSeconds && hundredths(soldOutSeconds),
      accepted: { count: accepted.count, p99Ms: hundredths(accepted.p99Ms) },
      refused: { count: refused.count, p99Ms: hundredths(refused.p99Ms) },
      holdsPerSecond: Math.round(accepted.count / (soldOutSeconds ?? SECONDS_MAX)),
      doubleBooked: await countDoubleBooked(db, eventId),
      memoryMb: memoryMb(service.pid),
    });
  }
  return rounds;
}

/** Holds a second of a closed loop just before, by the same service on fresh seats. */
async function calibrate(
  system: BenchSystem,
  origin: string,
  tokenFile: string,
  extent: Extent,
  run: string,
): Promise<number> {
  const eventId = await createEvent(system, extent.seats);
  const load = {
    origin,
    path: `/v1/events/${eventId}/holds`,
    tokenFile,
    connections: CONNECTIONS,
    mode: 'fresh',
  } as const;
  await generateLoad({ ...load, firstSeat: 0, seconds: WARM_UP_SECONDS, run: `${run}-warm-up` });
  const firstSeat = Math.floor(extent.seats / 2);
  const { requests, refused, seconds } = await generateLoad({ ...load, firstSeat, seconds: WARM_UP_SECONDS, run });
  return (requests - refused) / seconds;
}
