import { join } from 'node:path';
import type { MigrationSet } from '@holdfast/postgres';

/** The tables of payments, schema `payments`. */
export const paymentMigrations: MigrationSet = { name: 'payments', folder: join(__dirname, '..', 'migrations') };
