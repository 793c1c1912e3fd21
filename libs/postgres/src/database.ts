import { Pool, type PoolClient, type QueryResultRow } from 'pg';
import { DatabaseUnavailable, isDatabaseUnavailable } from './unavailable';

export type Row = QueryResultRow;

export interface DatabaseOptions {
  url: string;
  /** Shown in pg_stat_activity, so that an operator sees who holds a lock. */
  applicationName: string;
  connectionsMax?: number;
  /** A statement that runs longer is cancelled by the server. */
  statementTimeoutMs?: number;
  /** Waiting for a free or new connection. */
  connectTimeoutMs?: number;
}

export const CONNECTIONS_MAX = 10;
const STATEMENT_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 3_000;
const IDLE_TIMEOUT_MS = 30_000;

/**
 * How statements are planned. One plan for all values: planning a verb of the seat's life takes longer than running it,
 * and a plan made for one event's id believes what statistics say of that id, which for a new sale is nothing. Such a
 * plan is kept while its tables grow from empty to a million rows in minutes, so ways that only suit small tables are
 * closed: everything here looks rows up by their key. Where a table is read whole all the same, the closed way counts as
 * so dear that Postgres compiled the plan anew at each execution: five times the cost of the relay.
 */
export const SESSION_SETTINGS = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_bitmapscan=off',
  'jit=off',
];

/** Serialisation failure and deadlock: nothing happened, the same statement may run again at once. */
const RETRYABLE = new Set(['40001', '40P01']);
const RETRIES_MAX = 5;

/** The pool behind one service. Every statement is named by its text, so the server plans it once per connection. */
export class Database {
  private readonly names = new Map<string, string>();

  constructor(private readonly pool: Pool) {
    // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
    pool.on('error', () => undefined);
  }

  /**
   * Runs one prepared statement and returns its rows. A deadlock or serialisation failure is run again.
   *
   * @throws DatabaseUnavailable when the server is away; what became of the statement is then unknown.
   */
  async query<R extends Row = Row>(text: string, values: unknown[] = []): Promise<R[]> {
    return this.retrying(async () => (await this.pool.query<R>({ name: this.nameOf(text), text, values })).rows);
  }

  /** Runs `work` in one transaction; it is run again from the start after a deadlock or serialisation failure. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.retrying(async () => {
      const client = await this.pool.connect();
      let broken: Error | undefined;
      // A connection lost between two statements is told here only; without a listener that would end the process.
      const onLost = (error: Error) => (broken = error);
      client.on('error', onLost);
      try {
        await client.query('BEGIN');
        const result = await work(new Transaction(client));
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((rollbackError: Error) => (broken = rollbackError));
        // The next connection may lead to another server: one that takes writes.
        if (isDatabaseUnavailable(error)) broken ??= error as Error;
        throw error;
      } finally {
        client.release(broken);
        client.off('error', onLost);
      }
    });
  }

  /**
   * Whether Postgres answers, and takes writes: an old primary still answers after a fail-over, and every verb fails on it.
   *
   * @throws DatabaseUnavailable
   */
  async check(): Promise<void> {
    const [row] = await this.query<{ isReadOnly: boolean }>(
      `SELECT current_setting('transaction_read_only')::bool AS "isReadOnly"`,
    );
    if (row?.isReadOnly) throw new DatabaseUnavailable('it takes no writes');
  }

  /** Waits for the queries under way and closes every connection. */
  async close(): Promise<void> {
    await this.pool.end();
  }

  private async retrying<T>(run: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        if (attempt <= RETRIES_MAX && RETRYABLE.has(String((error as { code?: unknown }).code))) continue;
        throw asUnavailable(error);
      }
    }
  }

  private nameOf(text: string): string {
    const known = this.names.get(text);
    if (known) return known;
    const name = `s${this.names.size}`;
    this.names.set(text, name);
    return name;
  }
}

function asUnavailable(error: unknown): unknown {
  const isToldAlready = error instanceof DatabaseUnavailable;
  return !isToldAlready && isDatabaseUnavailable(error) ? new DatabaseUnavailable(error) : error;
}

/** The statements of one open transaction. */
export class Transaction {
  constructor(private readonly client: PoolClient) {}

  async query<R extends Row = Row>(text: string, values: unknown[] = []): Promise<R[]> {
    return (await this.client.query<R>(text, values)).rows;
  }
}

/** Opens a pool; connections are made when first needed, so this never fails while the server is away. */
export function openDatabase(options: DatabaseOptions): Database {
  return new Database(
    new Pool({
      connectionString: options.url,
      application_name: options.applicationName,
      max: options.connectionsMax ?? CONNECTIONS_MAX,
      statement_timeout: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
      // The server cancels first; this bound is for a server that no longer answers at all.
      query_timeout: (options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS) + 1_000,
      connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      keepAlive: true,
      options: SESSION_SETTINGS.map((setting) => `-c ${setting}`).join(' '),
    }),
  );
}
