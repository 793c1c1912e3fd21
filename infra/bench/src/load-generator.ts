import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runInChild } from './child';

const SCRIPT = join(__dirname, '..', 'load', 'post.lua');
const THREADS = 2;

export interface Load {
  origin: string;
  path: string;
  /** One token a line; requests take turns through them. */
  tokenFile: string;
  connections: number;
  seconds: number;
  /** `fresh`: another seat each time from `firstSeat` on. `same`: always that one. `bare`: a body without meaning. */
  mode: 'fresh' | 'same' | 'bare';
  firstSeat: number;
  /** Makes the idempotency keys of this run its own. */
  run: string;
}

export interface LoadResult {
  requests: number;
  seconds: number;
  /** Answers that are not 2xx or 3xx. */
  refused: number;
  /** Requests without an answer. */
  failed: number;
  p50Ms: number;
  p99Ms: number;
}

export const generatorName = (): 'wrk' | 'autocannon' =>
  spawnSync('wrk', ['-v']).error === undefined ? 'wrk' : 'autocannon';

/** Closed loop: every connection sends as soon as it is answered. In a process of its own. */
export async function generateLoad(load: Load): Promise<LoadResult> {
  if (generatorName() === 'autocannon') return runInChild<LoadResult>('autocannon-load', load);
  const { origin, path, tokenFile, connections, seconds, mode, firstSeat, run } = load;
  const args = [
    ...['-t', `${THREADS}`, '-c', `${connections}`, '-d', `${seconds}s`, '--timeout', '10s', '-s', SCRIPT, origin],
    ...['--', tokenFile, run, path, `${THREADS}`, `${firstSeat}`, mode],
  ];
  const { stdout } = await promisify(execFile)('wrk', args);
  const result = /^RESULT (.+)$/m.exec(stdout)?.[1];
  if (!result) throw new Error(`wrk said:\n${stdout}`);
  return JSON.parse(result) as LoadResult;
}
