import { openDatabase, type Database } from '@holdfast/postgres';

/** Each service has a role of its own, which reads and writes the rows of one schema and can change no table. */
export interface ServiceRole {
  name: string;
  schema: string;
  /** Tables of other schemas that it may read, `schema.table`. */
  reads?: string[];
  password: string;
}

/** Makes the owner and its database where they are missing, and gives the owner the password of its address. */
export async function ensureDatabase(adminUrl: string, ownerUrl: string): Promise<void> {
  const owner = new URL(ownerUrl);
  const name = decodeURIComponent(owner.username);
  const database = owner.pathname.slice(1);
  await asAdmin(adminUrl, async (admin) => {
    await ensureRole(admin, name, decodeURIComponent(owner.password));
    const known = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (known.length === 0) await runFormatted(admin, 'CREATE DATABASE %I OWNER %I', [database, name]);
  });
}

/** Makes or updates the services' roles. Rights are renewed after every migration, so they reach new tables. */
export async function ensureServiceRoles(adminUrl: string, ownerUrl: string, roles: ServiceRole[]): Promise<void> {
  await asAdmin(adminUrl, async (admin) => {
    for (const { name, password } of roles) await ensureRole(admin, name, password);
  });
  await asAdmin(ownerUrl, async (owner) => {
    for (const { name, schema, reads = [] } of roles) {
      await runFormatted(owner, 'GRANT USAGE ON SCHEMA %I TO %I', [schema, name]);
      const rights = 'SELECT, INSERT, UPDATE, DELETE';
      await runFormatted(owner, `GRANT ${rights} ON ALL TABLES IN SCHEMA %I TO %I`, [schema, name]);
      await runFormatted(owner, 'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO %I', [schema, name]);
      for (const read of reads) {
        const [readSchema = '', table = ''] = read.split('.');
        await runFormatted(owner, 'GRANT USAGE ON SCHEMA %I TO %I', [readSchema, name]);
        await runFormatted(owner, 'GRANT SELECT ON %I.%I TO %I', [readSchema, table, name]);
      }
    }
  });
}

async function ensureRole(admin: Database, name: string, password: string): Promise<void> {
  const known = await admin.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name]);
  if (known.length === 0) await runFormatted(admin, 'CREATE ROLE %I LOGIN', [name]);
  if (password) await runFormatted(admin, 'ALTER ROLE %I PASSWORD %L', [name, password]);
}

/** Statements about roles and databases take no parameters, so the server itself quotes them. */
async function runFormatted(database: Database, format: string, values: string[]): Promise<void> {
  const places = values.map((_, i) => `$${i + 2}::text`).join(', ');
  const rows = await database.query<{ statement: string }>(`SELECT format($1, ${places}) AS statement`, [
    format,
    ...values,
  ]);
  await database.query(rows[0]?.statement ?? '');
}

async function asAdmin(url: string, work: (database: Database) => Promise<void>): Promise<void> {
  const database = openDatabase({ url, applicationName: 'holdfast-migrate', connectionsMax: 1 });
  try {
    await work(database);
  } finally {
    await database.close();
  }
}
