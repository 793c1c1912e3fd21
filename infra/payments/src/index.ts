import { openDatabase } from '@holdfast/postgres';
import { postgresUrl } from './postgres-url';
import { paymentsProgram } from './program';

const database = openDatabase({ url: postgresUrl(), applicationName: 'payments' });

paymentsProgram(database, (text) => console.log(text))
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => database.close());
