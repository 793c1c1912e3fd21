import { describeMachine, readDurability, withSystem } from '@holdfast/demo';
import { openDatabase } from '@holdfast/postgres';
import Table from 'cli-table3';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import colors from 'picocolors';
import { totalsOf, type DrillResult, type DrillsDocument } from './document';
import { drillPayments, PAYMENTS_EXTENTS } from './payments/payments-drill';
import { startStage, type Stage } from './stage';

type Profile = keyof typeof PAYMENTS_EXTENTS;

interface DrillsOptions {
  profile: Profile;
  minutes: number;
  json?: boolean;
}

/** Exit status when a violation was found. */
const FAULTY = 1;
const MINUTES_MAX = 600;
const VIOLATIONS_SHOWN_MAX = 20;
const STATEMENT_TIMEOUT_MS = 60_000;

/** `npm run -s drills -- [payments]`: crashes and faults on purpose on a system of its own; fails on any violation. */
export async function runDrillsCommand(argv: string[]): Promise<void> {
  const options = new Command('drills')
    .description('Crashes and faults on purpose, judged by the books of both sides and the seats.')
    .addArgument(new Argument('[name]', 'which drill').choices(['payments']).default('payments'))
    .option('--minutes <m>', 'again and again, as long as another round fits in; default: one round', minutes, 0)
    .addOption(
      new Option('--profile <name>', 'quick: a sample of the combinations; full: all of them')
        .choices(Object.keys(PAYMENTS_EXTENTS))
        .default('full'),
    )
    .option('--json', 'one JSON document on standard output')
    .parse(argv)
    .opts<DrillsOptions>();
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  await withSystem<Stage>({
    start: (interrupted) => startStage(log, interrupted),
    use: (stage) => drill(stage, options, log),
    stop: (stage) => stage.stop(process.exitCode === FAULTY),
  });
}

async function drill(stage: Stage, { profile, minutes, json }: DrillsOptions, log: (line: string) => void) {
  const db = openDatabase({
    url: stage.postgresUrl,
    applicationName: 'drills',
    connectionsMax: 20,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  try {
    const machine = await describeMachine(db, stage);
    const durability = await readDurability(db);
    const rounds: DrillsDocument['rounds'] = [];
    let last: Awaited<ReturnType<typeof drillPayments>>;
    const startedAtMs = performance.now();
    do {
      const roundAtMs = performance.now();
      last = await drillPayments(stage, db, PAYMENTS_EXTENTS[profile], log);
      rounds.push({ drills: last.drills, seconds: Math.round((performance.now() - roundAtMs) / 1_000) });
    } while (performance.now() - startedAtMs + (rounds[0]?.seconds ?? 0) * 1_000 < minutes * 60_000);
    const drills = rounds.flatMap((round) => round.drills);
    const document: DrillsDocument = {
      ...{ name: 'drills', machine, settings: { profile, minutes }, durability, rounds, drills },
      ...{ invariants: last.invariants, branchesReached: last.branchesReached, totals: totalsOf(drills) },
      ...{ chargedWithoutSeat: last.chargedWithoutSeat, seatWithoutCharge: last.seatWithoutCharge },
    };
    if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
    (json ? process.stderr : process.stdout).write(`${reportOf(document)}\n`);
    if (document.totals.violations > 0) process.exitCode = FAULTY;
  } finally {
    await db.close();
  }
}

function reportOf(document: DrillsDocument): string {
  const { drills, machine, durability, branchesReached, rounds } = document;
  const table = new Table({
    head: ['drill', 'combinations', 'operations', 'faults', 'violations', 'recovered ms'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
  });
  for (const drill of drills) {
    const { name, combinations, operations, faultsInjected, violations, recoveredMs } = drill;
    table.push([name, combinations, operations, faultsInjected, verdictOn(violations.length), recoveredMs ?? '']);
  }
  const points = Object.values(branchesReached);
  const violations = drills.flatMap((drill: DrillResult) => drill.violations);
  return [
    table.toString(),
    ...drills.map(({ name, fault }) => `${name}: ${fault}`),
    `Crash points named in the code: ${points.length}, crashed at: ${points.filter((times) => times > 0).length}.`,
    `Charged without a seat: ${verdictOn(document.chargedWithoutSeat)}. Seat without a charge: ${verdictOn(document.seatWithoutCharge)}.`,
    `${rounds.reduce((sum, { seconds }) => sum + seconds, 0)} s on ${machine.cores} cores, Node ${machine.node}, Postgres ${machine.postgres} (${durability}).`,
    ...violations.slice(0, VIOLATIONS_SHOWN_MAX).map((violation) => colors.red(violation)),
    ...(violations.length > VIOLATIONS_SHOWN_MAX ? [`... and ${violations.length - VIOLATIONS_SHOWN_MAX} more`] : []),
  ].join('\n');
}

function verdictOn(count: number): string {
  return count === 0 ? colors.green('0') : colors.red(String(count));
}

function minutes(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || value > MINUTES_MAX) {
    throw new InvalidArgumentError(`more than 0 and at most ${MINUTES_MAX}`);
  }
  return value;
}
