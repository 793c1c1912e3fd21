import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from './child';
import { HttpLine } from './http-line';
import { percentile } from './percentile';

export interface OnSaleCrowd {
  origin: string;
  path: string;
  tokens: string[];
  seats: number;
  /** Requests a second, sent whether or not earlier ones are answered. */
  offeredPerSecond: number;
  /** Stops when nothing is left, or after this. */
  secondsMax: number;
  run: string;
}

export interface OnSaleResult {
  soldOutSeconds: number | null;
  sent: number;
  accepted: { count: number; p99Ms: number };
  refused: { count: number; p99Ms: number };
  shed: number;
  failed: number;
}

const TICK_MS = 5;
const LINES_MAX = 3_000;
/** What buyers see of the plan is this old at most; in between others take what they look at. */
const VIEW_EVERY_MS = 1_000;
/** How steeply wishes fall from the best seat to the worst (Zipf); the best are first. */
const STEEPNESS = 0.9;

/**
 * An open loop: requests go out by the clock, and each one's time counts from when it should have gone out, so that a
 * stalled service cannot hide behind a generator that waits for it.
 */
answerParent<OnSaleCrowd, OnSaleResult>(async (crowd) => {
  const { hostname, port } = new URL(crowd.origin);
  const gone = new Set<number>();
  let view = Array.from({ length: crowd.seats }, (_, nth) => nth);
  const idle: HttpLine[] = [];
  const times = { accepted: [] as number[], refused: [] as number[] };
  const running = new Set<Promise<void>>();
  let [sent, shed, failed] = [0, 0, 0];
  let soldOutSeconds: number | null = null;

  const startedAt = performance.now();
  const send = async (dueAt: number, nth: number) => {
    const rank = Math.floor(view.length * Math.random() ** (1 / (1 - STEEPNESS)));
    const seat = view[rank];
    if (seat === undefined) return;
    const line = idle.pop() ?? new HttpLine(hostname, Number(port));
    const headers = {
      authorization: `Bearer ${crowd.tokens[nth % crowd.tokens.length]}`,
      'content-type': 'application/json',
      'idempotency-key': `${crowd.run}-${nth}`,
    };
    const status = await line.post(crowd.path, headers, `{"seats":["S${seat}"]}`);
    const tookMs = performance.now() - dueAt;
    idle.push(line);
    if (status === 201) times.accepted.push(tookMs);
    else if (status === 409) times.refused.push(tookMs);
    else if (status === 503) shed++;
    else failed++;
    if (status === 201 || status === 409) gone.add(seat);
    if (gone.size === crowd.seats) soldOutSeconds ??= (performance.now() - startedAt) / 1_000;
  };

  let viewedAt = startedAt;
  while (soldOutSeconds === null && performance.now() - startedAt < crowd.secondsMax * 1_000) {
    const now = performance.now();
    if (now - viewedAt > VIEW_EVERY_MS || view.length < crowd.offeredPerSecond) {
      view = view.filter((seat) => !gone.has(seat));
      viewedAt = now;
    }
    const due = Math.floor(((now - startedAt) / 1_000) * crowd.offeredPerSecond);
    while (sent < due && running.size < LINES_MAX) {
      const nth = sent++;
      const request = send(startedAt + (nth / crowd.offeredPerSecond) * 1_000, nth);
      running.add(request);
      void request.finally(() => running.delete(request));
    }
    await sleep(TICK_MS);
  }
  await Promise.all(running);
  idle.forEach((line) => line.close());
  const summary = (values: number[]) => ({ count: values.length, p99Ms: percentile(values, 99) });
  return { soldOutSeconds, sent, accepted: summary(times.accepted), refused: summary(times.refused), shed, failed };
});
