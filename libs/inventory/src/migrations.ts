import { join } from 'node:path';
import type { MigrationSet } from '@holdfast/postgres';

/** The tables of the seat's life, schema `inventory`. */
export const inventoryMigrations: MigrationSet = { name: 'inventory', folder: join(__dirname, '..', 'migrations') };
