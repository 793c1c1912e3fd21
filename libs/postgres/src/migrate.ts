import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

/** A folder of plain SQL files `NNN-what.sql`, applied in the order of their names, each in its own transaction. */
export interface MigrationSet {
  /** Names the set in the table of applied migrations, for example `inventory`. */
  name: string;
  folder: string;
}

/** Two services may start at once; the second waits until the first has migrated. The number is arbitrary but fixed. */
const MIGRATION_LOCK = 4_206_911;

/**
 * Brings a database up to date. A file already applied is never run again.
 *
 * @param url the database, as a user that may create schemas and tables
 * @returns names of the files applied by this call, `set/file`
 */
export async function migrate(url: string, sets: MigrationSet[]): Promise<string[]> {
  const client = new Client({ connectionString: url, application_name: 'holdfast-migrate' });
  // A connection that is lost rejects what was asked on it; without a listener it would end the process as well.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await client.query(
      `CREATE TABLE IF NOT EXISTS public.migrations (
         set_name text, file text, applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (set_name, file))`,
    );
    const applied: string[] = [];
    for (const set of sets) {
      for (const file of readdirSync(set.folder)
        .filter((name) => name.endsWith('.sql'))
        .sort()) {
        if (await applyOnce(client, set, file)) applied.push(`${set.name}/${file}`);
      }
    }
    return applied;
  } finally {
    await client.end();
  }
}

async function applyOnce(client: Client, set: MigrationSet, file: string): Promise<boolean> {
  const known = await client.query('SELECT 1 FROM public.migrations WHERE set_name = $1 AND file = $2', [
    set.name,
    file,
  ]);
  if (known.rowCount) return false;
  try {
    await client.query('BEGIN');
    await client.query(readFileSync(join(set.folder, file), 'utf8'));
    await client.query('INSERT INTO public.migrations (set_name, file) VALUES ($1, $2)', [set.name, file]);
    await client.query('COMMIT');
    return true;
  } catch (error) {
    // A lost connection has rolled back by itself; the first error is the one that tells why.
    await client.query('ROLLBACK').catch(() => undefined);
    throw new Error(`Migration ${set.name}/${file} failed: ${(error as Error).message}`, { cause: error });
  }
}
