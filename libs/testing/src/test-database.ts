import { randomBytes } from 'node:crypto';
import { migrate, openDatabase, type Database, type MigrationSet } from '@holdfast/postgres';
import { testServers } from './servers';

export interface TestDatabase {
  url: string;
  database: Database;
  /** Closes the pool and drops the database. */
  drop(): Promise<void>;
}

/** A database of its own for one spec file, migrated. Call in `beforeAll`, and `drop` in `afterAll`. */
export async function testDatabase(sets: MigrationSet[], connectionsMax = 20): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = openDatabase({
    url: testServers().postgresUrl,
    applicationName: 'holdfast-test-admin',
    connectionsMax: 1,
  });
  await admin.query(`CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(testServers().postgresUrl), { pathname: `/${name}` }).toString();
  await migrate(url, sets);
  const database = openDatabase({ url, applicationName: 'holdfast-test', connectionsMax });
  return {
    url,
    database,
    drop: async () => {
      await database.close();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.close();
    },
  };
}
