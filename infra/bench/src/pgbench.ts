import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const DEBIAN_VERSIONS = '/usr/lib/postgresql';
const SCRIPT = join(__dirname, '..', 'load', 'golden-write.sql');
const THREADS = 2;

/**
 * Transactions a second of the bare golden write, by pgbench in a process of its own. A number of writes, not a time: on a
 * fast machine the seats ran out within the time, and updates of no row counted as writes at seven times the rate.
 *
 * @param options.writes rounded down to a multiple of `clients`; seats from `firstSeat` on, one each
 * @throws Error when pgbench is not on this machine, or fails
 */
export async function runPgbench(options: {
  url: string;
  eventId: string;
  firstSeat: number;
  clients: number;
  writes: number;
}): Promise<number> {
  const { url, eventId, firstSeat, clients, writes } = options;
  const variables = [`event_id=${eventId}`, `first=${firstSeat - clients}`, `clients=${clients}`, 'n=0'];
  const perClient = Math.floor(writes / clients);
  const args = [
    ...['-n', '-M', 'prepared', '-c', `${clients}`, '-j', `${THREADS}`, '-t', `${perClient}`, '-f', SCRIPT],
    ...variables.flatMap((variable) => ['-D', variable]),
    url,
  ];
  const { stdout } = await promisify(execFile)(findPgbench(), args, { maxBuffer: 2 ** 24 });
  const rate = Number(/tps = ([\d.]+) \(without/.exec(stdout)?.[1]);
  if (!(rate > 0)) throw new Error(`pgbench said:\n${stdout}`);
  return rate;
}

/** Beside the server's programs, as Debian keeps it, or in PATH. */
function findPgbench(): string {
  const versions = existsSync(DEBIAN_VERSIONS)
    ? readdirSync(DEBIAN_VERSIONS).sort((a, b) => Number(b) - Number(a))
    : [];
  const besideServer = versions.map((version) => join(DEBIAN_VERSIONS, version, 'bin', 'pgbench')).find(existsSync);
  return besideServer ?? 'pgbench';
}
