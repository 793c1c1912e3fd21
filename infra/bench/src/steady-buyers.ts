import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from './child';
import { HttpLine } from './http-line';
import { percentile } from './percentile';

export interface SteadyBuyers {
  origin: string;
  path: string;
  tokens: string[];
  /** Requests a second, sent whether or not earlier ones are answered. */
  perSecond: number;
  seconds: number;
  /** Each request asks for the next seat from this one on. */
  firstSeat: number;
  run: string;
}

export interface SteadyBuyersResult {
  held: number;
  /** Requests without an answer, or with any other. */
  failed: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

const TICK_MS = 1;

/** An open loop far below what the service can do, each request for a seat nobody else wants: what it waits for is the service. */
answerParent<SteadyBuyers, SteadyBuyersResult>(async ({ perSecond, seconds, firstSeat, ...buyers }) => {
  const { hostname, port } = new URL(buyers.origin);
  const idle: HttpLine[] = [];
  const timesMs: number[] = [];
  const running: Promise<void>[] = [];
  let failed = 0;

  const startedAt = performance.now();
  const hold = async (nth: number) => {
    const line = idle.pop() ?? new HttpLine(hostname, Number(port));
    const headers = {
      authorization: `Bearer ${buyers.tokens[nth % buyers.tokens.length]}`,
      'content-type': 'application/json',
      'idempotency-key': `${buyers.run}-${nth}`,
    };
    const status = await line.post(buyers.path, headers, `{"seats":["S${firstSeat + nth}"]}`);
    idle.push(line);
    if (status === 201) timesMs.push(performance.now() - startedAt - (nth / perSecond) * 1_000);
    else failed++;
  };

  while (running.length < perSecond * seconds) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
    while (running.length < Math.min(due, perSecond * seconds)) running.push(hold(running.length));
    await sleep(TICK_MS);
  }
  await Promise.all(running);
  idle.forEach((line) => line.close());
  return {
    held: timesMs.length,
    failed,
    p50Ms: percentile(timesMs, 50),
    p99Ms: percentile(timesMs, 99),
    maxMs: percentile(timesMs, 100),
  };
});
