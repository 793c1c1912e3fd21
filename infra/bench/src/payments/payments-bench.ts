import { judge, readBooks } from '@holdfast/drills';
import { hold } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { createEvent } from '../bench-event';
import type { BenchSystem } from '../bench-system';
import { runInChild } from '../child';
import { cpuMsPerOperation, readCpu, type CpuAccount } from '../cpu-account';
import { hundredths, WARM_UP_SECONDS, type Extent } from '../settings';
import type { Payer, PaymentsCrowd, PaymentsResult } from './payments-crowd';
import { PaymentsProcess } from './payments-process';
import type { StepTimes } from './step-clock';

const CONNECTIONS = 64;
const PROVIDER_MS = 20;
const LONE_SECONDS = 3;
/** More than two cores come to: nobody shall run out of holds. */
const PAYMENTS_PER_SECOND_MAX = 700;
const HOLDS_PER_STATEMENT = 100;

export interface PaymentsRound {
  paymentsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Mean milliseconds of a payment by step; they add up to the mean of the answers. */
  stepsMs: Record<string, number>;
  /** One buyer at a time. */
  lone: { paymentsPerSecond: number; p50Ms: number; stepsMs: Record<string, number> };
  cpuMsPerPayment: CpuAccount;
  unpaid: number;
  chargedWithoutSeat: number;
  seatWithoutCharge: number;
  otherFaults: number;
}

export const PAYMENTS_SETTINGS = { connections: CONNECTIONS, providerAnswersInMs: PROVIDER_MS, seatsPerPayment: 1 };

/** The provider is as far away as a real one is near. */
export const PAYMENTS_ENV = { HOLDFAST_SANDBOX_LATENCY_MS: String(PROVIDER_MS) };

/** Holds are paid with a good card, as fast as the answers come: where does the time of a payment go? */
export async function benchPayments(
  system: BenchSystem,
  db: Database,
  extent: Extent,
  log: (line: string) => void,
): Promise<PaymentsRound[]> {
  const service = await PaymentsProcess.start(system);
  const rounds: PaymentsRound[] = [];
  try {
    for (let nth = 1; nth <= extent.rounds; nth++) {
      log(`Round ${nth} of ${extent.rounds}: payments`);
      rounds.push(await round(system, db, extent, service));
    }
  } finally {
    await service.stop();
  }
  return rounds;
}

async function round(
  system: BenchSystem,
  db: Database,
  extent: Extent,
  service: PaymentsProcess,
): Promise<PaymentsRound> {
  const seconds = WARM_UP_SECONDS + LONE_SECONDS + extent.seconds;
  const seats = seconds * PAYMENTS_PER_SECOND_MAX;
  const eventId = await createEvent(system, seats);
  const payers = await holdAll(system, db, eventId, seats);
  const pay = async (connections: number, forSeconds: number) => {
    const job = { origin: service.origin, payers, connections, seconds: forSeconds } satisfies PaymentsCrowd;
    await service.takeSteps();
    const result = await runInChild<PaymentsResult>('payments/payments-crowd', job);
    const steps = await service.takeSteps();
    payers.splice(0, result.paid + failuresOf(result));
    return { ...result, stepsMs: meanSteps(steps, result.meanMs) };
  };
  await pay(CONNECTIONS, WARM_UP_SECONDS);
  const lone = await pay(1, LONE_SECONDS);
  const before = readCpu(system, service.pid);
  const crowd = await pay(CONNECTIONS, extent.seconds);
  const after = readCpu(system, service.pid);
  const provider = { url: system.services['sandbox-provider'], secretKey: system.stripeSecretKey };
  const violations = judge(await readBooks(db, [eventId], provider));
  const count = (invariant: string) => violations.filter((violation) => violation.invariant === invariant).length;
  const chargedWithoutSeat = count('nobody is charged without a seat');
  const seatWithoutCharge = count('no seat is given without its charge');
  return {
    paymentsPerSecond: Math.round(crowd.paid / crowd.seconds),
    p50Ms: hundredths(crowd.p50Ms),
    p99Ms: hundredths(crowd.p99Ms),
    stepsMs: crowd.stepsMs,
    lone: {
      paymentsPerSecond: hundredths(lone.paid / lone.seconds),
      p50Ms: hundredths(lone.p50Ms),
      stepsMs: lone.stepsMs,
    },
    cpuMsPerPayment: cpuMsPerOperation(before, after, crowd.paid),
    unpaid: failuresOf(crowd) + failuresOf(lone),
    chargedWithoutSeat,
    seatWithoutCharge,
    otherFaults: violations.length - chargedWithoutSeat - seatWithoutCharge,
  };
}

/** A seat each, for buyers who have their tokens with them. */
async function holdAll(system: BenchSystem, db: Database, eventId: string, seats: number): Promise<Payer[]> {
  const payers: Payer[] = [];
  for (let from = 0; from < seats; from += HOLDS_PER_STATEMENT) {
    const requests = Array.from({ length: Math.min(HOLDS_PER_STATEMENT, seats - from) }, (_, nth) => {
      const holdId = newId();
      const request = { holdId, buyerId: `payer-${holdId}`, key: holdId, bodyHash: Buffer.from(holdId) };
      return { ...request, seatIds: [`S${from + nth}`] };
    });
    const outcomes = await hold(db, eventId, requests);
    if (outcomes.some(({ outcome }) => outcome !== 'held')) throw new Error('Seats of the bench could not be held.');
    payers.push(
      ...requests.map(({ holdId, buyerId }) => ({ eventId, holdId, token: system.token(buyerId, ['buyer']) })),
    );
  }
  return payers;
}

function failuresOf({ unpaid }: PaymentsResult): number {
  return Object.values(unpaid).reduce((sum, count) => sum + count, 0);
}

/** What no step accounts for is HTTP, the token, the attempt's row, and waiting for a turn of the event loop. */
function meanSteps({ payments, totalMs }: StepTimes, meanMs: number): Record<string, number> {
  const steps = Object.entries(totalMs).map(([step, ms]): [string, number] => [step, ms / Math.max(1, payments)]);
  const other = meanMs - steps.reduce((sum, [, ms]) => sum + ms, 0);
  return Object.fromEntries([...steps, ['other', other] as const].map(([step, ms]) => [step, hundredths(ms)]));
}
