import { randomBytes } from 'node:crypto';
import { openDatabase, type Database } from '@holdfast/postgres';
import type { BenchSystem } from '../bench-system';
import { hundredths } from '../settings';

/** What this bench needs of its Postgres besides the usual: times of commits, counts of statements, times of flushes. */
export const POSTGRES_SETTINGS = {
  track_commit_timestamp: 'on',
  track_wal_io_timing: 'on',
  shared_preload_libraries: 'pg_stat_statements',
};

const WORKER_ROLE = 'bench_worker';

/** The relay alone touches the numbers of the ledger's entries, and reads of those that have none yet. */
const RELAY = '(ledger_sequence|ledger_counters|FROM inventory.ledger_unnumbered)';

export interface StatementCounts {
  /** Of the worker, the relay's not included. */
  release: number;
  relay: number;
}

/** What Postgres counts while an engine or a peer works, told apart by the role its worker connects with. */
export class DatabaseWatch {
  private constructor(
    private readonly admin: Database,
    private readonly owner: Database,
    /** What the worker under test connects with, ours or a peer's: the rights of the expiry-worker, and a schema of its own. */
    readonly workerUrl: string,
  ) {}

  /** @throws Error with one sentence where Postgres was given by the environment */
  static async open(system: BenchSystem, owner: Database): Promise<DatabaseWatch> {
    const { postgresAdminUrl, postgresUrl } = system.servers;
    if (!postgresAdminUrl) {
      throw new Error('This bench sets up a Postgres of its own: unset HOLDFAST_POSTGRES_URL and run it again.');
    }
    const admin = openDatabase({ url: postgresAdminUrl, applicationName: 'bench-admin', connectionsMax: 1 });
    const password = randomBytes(16).toString('hex');
    const database = new URL(postgresUrl).pathname.slice(1);
    await admin.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    await admin.query(`CREATE ROLE ${WORKER_ROLE} LOGIN PASSWORD '${password}' IN ROLE holdfast_expiry`);
    await admin.query(`GRANT CREATE ON DATABASE ${database} TO ${WORKER_ROLE}`);
    const workerUrl = new URL(postgresUrl);
    workerUrl.username = WORKER_ROLE;
    workerUrl.password = password;
    return new DatabaseWatch(admin, owner, workerUrl.href);
  }

  /** Every row begins with empty tables. Nobody may be working. */
  async clear(): Promise<void> {
    const tables = await this.owner.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'inventory'`,
    );
    await this.owner.query(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
  }

  /** What filling the tables left behind is cleaned up before the run, not by chance in the middle of it. */
  async settle(): Promise<void> {
    await this.owner.query('VACUUM inventory.seats, inventory.holds');
    await this.admin.query('CHECKPOINT');
  }

  async resetCounts(): Promise<void> {
    await this.admin.query('SELECT pg_stat_statements_reset()');
    await this.admin.query(`SELECT pg_stat_reset_shared('wal')`);
  }

  async readStatements(): Promise<StatementCounts> {
    const [row] = await this.admin.query<{ release: number; relay: number }>(
      `SELECT coalesce(sum(s.calls) FILTER (WHERE s.query !~ $2), 0)::float8 AS release,
              coalesce(sum(s.calls) FILTER (WHERE s.query ~ $2), 0)::float8 AS relay
         FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = $1`,
      [WORKER_ROLE, RELAY],
    );
    return row ?? { release: 0, relay: 0 };
  }

  /** The mean time of a flush of the log to the disk; null where this Postgres does not tell. */
  async readFlushMs(): Promise<number | null> {
    const [row] = await this.admin.query<{ syncs: number | null; ms: number | null }>(
      `SELECT (w ->> 'wal_sync')::float8 AS syncs, (w ->> 'wal_sync_time')::float8 AS ms
         FROM (SELECT to_jsonb(s) AS w FROM pg_stat_wal s) t`,
    );
    return row?.syncs && row.ms !== null ? hundredths(row.ms / row.syncs) : null;
  }

  async close(): Promise<void> {
    await this.admin.close();
  }
}
