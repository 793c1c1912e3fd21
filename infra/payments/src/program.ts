import { userInfo } from 'node:os';
import {
  listBreaks,
  moneyBalances,
  resolveBreak,
  unbalancedEvents,
  type Balance,
  type Break,
} from '@holdfast/payment-service';
import type { Database } from '@holdfast/postgres';
import { Command } from 'commander';

const LIST_MAX = 1_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

type Print = (text: string) => void;

/** The command line `breaks | resolve | balances`. What it finds goes to `print`, what went wrong rejects. */
export function paymentsProgram(database: Database, print: Print): Command {
  const program = new Command('payments').description(
    'Where the payment provider’s books and ours differ. Postgres is the one of HOLDFAST_POSTGRES_URL, else of the running `npm start`.',
  );

  program
    .command('breaks')
    .description('one line per open break, oldest first; changes nothing')
    .option('--all', 'those that are resolved too')
    .option('--json', 'everything about each, as JSON')
    .action(async ({ all = false, json }: { all?: boolean; json?: boolean }) => {
      const breaks = await listBreaks(database, { all, limit: LIST_MAX });
      if (json) print(JSON.stringify(breaks, null, 2));
      else print(breaks.length === 0 ? 'No breaks.' : breaks.map(lineOf).join('\n'));
    });

  program
    .command('resolve')
    .description('mark a break as put right')
    .argument('<break>', 'its id')
    .requiredOption('--note <text>', 'what was done; kept with the break')
    .action(async (id: string, { note }: { note: string }) => {
      if (!UUID.test(id) || !(await resolveBreak(database, id, userInfo().username, note))) {
        throw new Error(`There is no open break ${id}`);
      }
      print(`${id} is resolved.`);
    });

  program
    .command('balances')
    .description('the accounts of every event, in minor units; fails when they do not add up')
    .option('--event <id>', 'of one event only')
    .action(async ({ event }: { event?: string }) => {
      if (event && !UUID.test(event)) throw new Error(`${event} is no id of an event`);
      print((await moneyBalances(database, event)).map(balanceOf).join('\n') || 'No money has moved.');
      const unbalanced = await unbalancedEvents(database);
      if (unbalanced.length > 0) {
        throw new Error(`Do not add up: ${unbalanced.map(({ eventId }) => eventId).join(', ')}`);
      }
    });

  return program;
}

function lineOf({ breakId, foundAt, kind, objectId, attemptId, details, resolvedBy, note }: Break): string {
  const end = note === null ? '' : `  resolved by ${resolvedBy}: ${note}`;
  return `${breakId}  ${foundAt.toISOString()}  ${kind}  ${objectId}  payment ${attemptId ?? '-'}  ${JSON.stringify(details)}${end}`;
}

function balanceOf({ eventId, account, amountMinor, currency }: Balance): string {
  return `${eventId}  ${account.padEnd(10)}  ${String(amountMinor).padStart(12)} ${currency}`;
}
