import { inventoryMigrations } from '@holdfast/inventory';
import { paymentMigrations } from '@holdfast/payment-service';
import { migrate } from '@holdfast/postgres';
import { webhookMigrations } from '@holdfast/webhook-service';
import type { MigrateConfig } from './migrate-config';
import { ensureDatabase, ensureServiceRoles, type ServiceRole } from './roles';

/** What tells the ledger's story and whose event it is of: no holds, and no buyers. */
const LEDGER_TABLES = ['events', 'ledger', 'ledger_sequence', 'ledger_counters'].map((name) => `inventory.${name}`);

/**
 * Brings a database up to date: owner and database, tables, the services' roles with their rights. Safe to run again.
 *
 * @returns names of the migrations applied by this call, `set/file`
 */
export async function migrateAll(config: MigrateConfig): Promise<string[]> {
  if (config.adminUrl) await ensureDatabase(config.adminUrl, config.postgresUrl);
  const applied = await migrate(config.postgresUrl, [inventoryMigrations, paymentMigrations, webhookMigrations]);
  if (config.adminUrl) await ensureServiceRoles(config.adminUrl, config.postgresUrl, serviceRoles(config));
  return applied;
}

function serviceRoles(config: MigrateConfig): ServiceRole[] {
  const roles = [
    { name: 'holdfast_hold', schema: 'inventory', password: config.holdPassword },
    { name: 'holdfast_payment', schema: 'payments', password: config.paymentPassword },
    { name: 'holdfast_expiry', schema: 'inventory', password: config.expiryPassword },
    {
      name: 'holdfast_webhook',
      schema: 'webhooks',
      reads: LEDGER_TABLES,
      password: config.webhookPassword,
    },
  ];
  return roles.filter((role): role is ServiceRole => role.password !== undefined);
}
