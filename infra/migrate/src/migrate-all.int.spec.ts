import { randomBytes } from 'node:crypto';
import { openDatabase, type Database } from '@holdfast/postgres';
import { testServers } from '@holdfast/testing';
import { MigrateConfig } from './migrate-config';
import { migrateAll } from './migrate-all';

describe('migrating a server that has nothing yet', () => {
  const suffix = randomBytes(4).toString('hex');
  const adminUrl = testServers().postgresUrl;
  const addressOf = (user: string, password: string) =>
    Object.assign(new URL(adminUrl), { username: user, password, pathname: `/migrate_${suffix}` }).toString();
  const owner = `migrate_${suffix}`;
  const config = Object.assign(new MigrateConfig(), {
    postgresUrl: addressOf(owner, 'owner-password'),
    adminUrl,
    holdPassword: 'hold-password',
    paymentPassword: 'payment-password',
    expiryPassword: 'expiry-password',
    webhookPassword: 'webhook-password',
  });
  const open: Database[] = [];
  const connect = (url: string) => {
    const database = openDatabase({ url, applicationName: 'holdfast-test', connectionsMax: 1 });
    open.push(database);
    return database;
  };

  afterAll(async () => {
    await Promise.all(open.map((database) => database.close()));
    const admin = openDatabase({ url: adminUrl, applicationName: 'holdfast-test', connectionsMax: 1 });
    await admin.query(`DROP DATABASE ${owner} WITH (FORCE)`);
    await admin.query(`DROP ROLE ${owner}`);
    await admin.close();
  });

  it('makes owner, database and tables, and finds nothing to do the second time', async () => {
    expect(await migrateAll(config)).toEqual(expect.arrayContaining(['inventory/001-inventory.sql']));
    expect(await migrateAll(config)).toEqual([]);
  });

  it('lets each service write its own schema, change no table, and not see the other', async () => {
    const hold = connect(addressOf('holdfast_hold', 'hold-password'));
    await expect(hold.query('DELETE FROM inventory.seats')).resolves.toEqual([]);
    await expect(hold.query('DROP TABLE inventory.seats')).rejects.toThrow(/must be owner/);
    await expect(hold.query('SELECT FROM payments.attempts')).rejects.toThrow(/permission denied/);

    const payment = connect(addressOf('holdfast_payment', 'payment-password'));
    await expect(payment.query('SELECT FROM payments.attempts')).resolves.toEqual([]);
    await expect(payment.query('SELECT FROM inventory.seats')).rejects.toThrow(/permission denied/);
  });

  it('lets the webhooks read the ledger, and neither write it nor see who holds', async () => {
    const webhook = connect(addressOf('holdfast_webhook', 'webhook-password'));
    await expect(webhook.query('DELETE FROM webhooks.endpoints')).resolves.toEqual([]);
    await expect(webhook.query('SELECT FROM inventory.ledger')).resolves.toEqual([]);
    await expect(webhook.query('DELETE FROM inventory.ledger')).rejects.toThrow(/permission denied/);
    await expect(webhook.query('SELECT FROM inventory.holds')).rejects.toThrow(/permission denied/);
    await expect(webhook.query('SELECT FROM inventory.buyers')).rejects.toThrow(/permission denied/);
  });
});
