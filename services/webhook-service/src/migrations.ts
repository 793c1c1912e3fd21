import { join } from 'node:path';
import type { MigrationSet } from '@holdfast/postgres';

/** The tables of outgoing webhooks, schema `webhooks`. */
export const webhookMigrations: MigrationSet = { name: 'webhooks', folder: join(__dirname, '..', 'migrations') };
