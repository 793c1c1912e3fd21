import { loadavg } from 'node:os';
import { describeMachine, readDurability } from '@holdfast/demo';
import { openDatabase, type Database } from '@holdfast/postgres';
import Table from 'cli-table3';
import { Argument, Command, Option } from 'commander';
import { startBenchSystem, type BenchSystem } from './bench-system';
import { medianOf, type BenchDocument } from './document';
import { benchHold, HOLD_SETTINGS } from './hold-bench';
import { JUDGES } from './judgement';
import { generatorName } from './load-generator';
import { benchOnSale, ON_SALE_SETTINGS } from './on-sale-bench';
import { writePage } from './page';
import { benchPayments, PAYMENTS_ENV, PAYMENTS_SETTINGS } from './payments/payments-bench';
import { rowsOf } from './rows';
import { EXTENTS, type Extent, type Profile } from './settings';
import { benchStampede, STAMPEDE_SETTINGS } from './stampede-bench';

type Log = (line: string) => void;
type BenchName = keyof typeof JUDGES;

interface Bench<Round extends object> {
  run: (system: BenchSystem, db: Database, extent: Extent, log: Log) => Promise<Round[]>;
  judge: (rounds: Round[]) => string[];
  settings: Record<string, number>;
  /** Further settings of every service. */
  env?: Record<string, string>;
}

interface BenchOptions {
  profile: Profile;
  json?: boolean;
}

/** `npm run -s bench -- hold|stampede|on-sale|payments`: measures on a system of its own; fails when a seat was sold twice. */
export async function runBenchCommand(argv: string[]): Promise<void> {
  const command = new Command('bench')
    .description('Measures the hold path against the limits of this machine.')
    .addArgument(new Argument('<name>', 'what to measure').choices(Object.keys(JUDGES)))
    .addOption(
      new Option('--profile <name>', 'quick: one smaller round; full: three, and writes docs/benchmarks.md')
        .choices(Object.keys(EXTENTS))
        .default('full'),
    )
    .option('--json', 'one JSON document on standard output')
    .parse(argv);
  const options = command.opts<BenchOptions>();
  switch (command.args[0] as BenchName) {
    case 'hold':
      return measure('hold', { run: benchHold, judge: JUDGES.hold, settings: HOLD_SETTINGS }, options);
    case 'stampede':
      return measure('stampede', { run: benchStampede, judge: JUDGES.stampede, settings: STAMPEDE_SETTINGS }, options);
    case 'on-sale':
      return measure('on-sale', { run: benchOnSale, judge: JUDGES['on-sale'], settings: ON_SALE_SETTINGS }, options);
    case 'payments': {
      const bench = { run: benchPayments, judge: JUDGES.payments, settings: PAYMENTS_SETTINGS, env: PAYMENTS_ENV };
      return measure('payments', bench, options);
    }
  }
}

async function measure<Round extends object>(
  name: BenchName,
  bench: Bench<Round>,
  { profile, json }: BenchOptions,
): Promise<void> {
  const log: Log = (line) => process.stderr.write(`${line}\n`);
  const loadAverageBefore = Math.round((loadavg()[0] ?? 0) * 10) / 10;
  const system = await startBenchSystem(log, { env: bench.env });
  const stop = stopOnce(system);
  const db = openDatabase({
    url: system.servers.postgresUrl,
    applicationName: 'bench',
    statementTimeoutMs: 60_000,
  });
  try {
    const machine = await describeMachine(db, system.servers);
    const durability = await readDurability(db);
    const rounds = await bench.run(system, db, EXTENTS[profile], log);
    const { seconds } = EXTENTS[profile];
    const settings = {
      profile,
      generator: generatorName(),
      secondsPerMeasurement: seconds,
      loadAverageBefore,
      ...bench.settings,
    };
    const document: BenchDocument<Round> = { name, machine, settings, durability, rounds, ...medianOf(rounds) };
    const faults = bench.judge(rounds);
    if (profile === 'full' && faults.length === 0) writePage(document);
    if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
    const report = `${tableOf(document)}\n${faults.map((fault) => `Fault: ${fault}\n`).join('')}`;
    (json ? process.stderr : process.stdout).write(report);
    if (faults.length > 0) process.exitCode = 1;
  } finally {
    await db.close();
    await stop();
  }
}

/** Ctrl-C stops everything too, and then ends the process. */
function stopOnce(system: BenchSystem): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= system.stop());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(130)));
  }
  return stop;
}

function tableOf({ machine, settings, rounds, durability, ...medians }: BenchDocument): string {
  const table = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right'] });
  table.push(...rowsOf(medians));
  const on = `${machine.cores} cores, Node ${machine.node}, Postgres ${machine.postgres} (${durability})`;
  return `${table.toString()}\nMedians of ${rounds.length}. ${on}. Load by ${settings.generator}.`;
}
