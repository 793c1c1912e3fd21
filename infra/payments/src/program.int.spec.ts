import { randomUUID } from 'node:crypto';
import { paymentMigrations } from '@holdfast/payment-service';
import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { paymentsProgram } from './program';

let db: TestDatabase;

beforeAll(async () => {
  db = await testDatabase([paymentMigrations]);
});

afterAll(() => db.drop());

async function run(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const program = paymentsProgram(db.database, (text) => lines.push(text));
  await program.exitOverride().parseAsync(args, { from: 'user' });
  return lines.join('\n');
}

async function addBreak(): Promise<string> {
  const id = randomUUID();
  await db.database.query(
    `INSERT INTO payments.breaks (break_id, kind, object_id, details, found_at, seen_at)
     VALUES ($1, 'charge-missing', $2, '{"ours": 9000}', now(), now())`,
    [id, `pi_${id}`],
  );
  return id;
}

describe('npm run payments', () => {
  it('lists a break until it is resolved, and keeps what was done', async () => {
    expect(await run('breaks')).toBe('No breaks.');
    const id = await addBreak();
    expect(await run('breaks')).toContain(`pi_${id}`);
    expect(JSON.parse(await run('breaks', '--json'))).toMatchObject([{ breakId: id, details: { ours: 9_000 } }]);
    expect(await run('resolve', id, '--note', 'asked the provider')).toBe(`${id} is resolved.`);
    expect(await run('breaks')).toBe('No breaks.');
    expect(await run('breaks', '--all')).toContain('asked the provider');
  });

  it('resolves only what is open', async () => {
    await expect(run('resolve', randomUUID(), '--note', 'x')).rejects.toThrow('There is no open break');
    await expect(run('resolve', 'x', '--note', 'x')).rejects.toThrow('There is no open break x');
  });

  it('shows balances, and fails when they do not add up', async () => {
    expect(await run('balances')).toBe('No money has moved.');
    await db.database.query(
      `INSERT INTO payments.money_ledger (event_id, attempt_id, subject_id, kind, debit, credit, amount_minor, currency, at)
       VALUES ($1, $1, $1, 'authorised', 'authorised', 'buyers', 5, 'EUR', now())`,
      [randomUUID()],
    );
    await expect(run('balances')).rejects.toThrow('Do not add up');
  });
});
