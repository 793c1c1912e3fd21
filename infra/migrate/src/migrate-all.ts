import { inventoryMigrations } from '@holdfast/inventory';
import { paymentMigrations } from '@holdfast/payment-service';
import { migrate } from '@holdfast/postgres';
import type { MigrateConfig } from './migrate-config';
import { ensureDatabase, ensureServiceRoles, type ServiceRole } from './roles';

/**
 * Brings a database up to date: owner and database, tables, the services' roles with their rights. Safe to run again.
 *
 * @returns names of the migrations applied by this call, `set/file`
 */
export async function migrateAll(config: MigrateConfig): Promise<string[]> {
  if (config.adminUrl) await ensureDatabase(config.adminUrl, config.postgresUrl);
  const applied = await migrate(config.postgresUrl, [inventoryMigrations, paymentMigrations]);
  if (config.adminUrl) await ensureServiceRoles(config.adminUrl, config.postgresUrl, serviceRoles(config));
  return applied;
}

function serviceRoles(config: MigrateConfig): ServiceRole[] {
  const roles = [
    { name: 'holdfast_hold', schema: 'inventory', password: config.holdPassword },
    { name: 'holdfast_payment', schema: 'payments', password: config.paymentPassword },
    { name: 'holdfast_expiry', schema: 'inventory', password: config.expiryPassword },
  ];
  return roles.filter((role): role is ServiceRole => role.password !== undefined);
}
