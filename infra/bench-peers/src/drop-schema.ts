import { openDatabase } from '@holdfast/postgres';

/** Takes a peer's tables away, whatever state they are in. */
export async function dropSchema(postgresUrl: string, schema: string): Promise<void> {
  const db = openDatabase({ url: postgresUrl, applicationName: 'bench-peers', connectionsMax: 1 });
  await db.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`).finally(() => db.close());
}
