import { loadavg } from 'node:os';
import { describeMachine, readDurability, withSystem } from '@holdfast/demo';
import { openDatabase, type Database } from '@holdfast/postgres';
import Table from 'cli-table3';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { startBenchSystem, type BenchSystem } from './bench-system';
import { medianOf, type BenchDocument } from './document';
import { ENGINE_NAMES } from './expiry/contestants';
import { POSTGRES_SETTINGS } from './expiry/database-watch';
import { benchExpiry, EXPIRY_SETTINGS, type ExpiryOptions } from './expiry/expiry-bench';
import { expiryTables, skippedLines } from './expiry/expiry-table';
import { SCENARIOS } from './expiry/scenarios';
import { toTerminal } from './figure-table';
import type { ExpiryRound } from './expiry/expiry-row';
import { benchHold, HOLD_SETTINGS } from './hold-bench';
import { benchImport, IMPORT_SETTINGS } from './import-bench';
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
  settings: Record<string, number | string>;
  /** Further settings of every service. */
  env?: Record<string, string>;
  /** Settings of Postgres that the bench needs. */
  postgresSettings?: Record<string, string>;
  /** The medians for people, where a line a figure would be too many. */
  report?: (medians: Round) => string;
  /** It is no part of the page when only a part of it was asked for. */
  isPartial?: boolean;
}

/** What only `expiry` takes. */
const EXPIRY_OPTIONS = ['engine', 'scenario', 'pending', 'rate'] as const;

interface BenchOptions extends ExpiryOptions {
  profile: Profile;
  rounds?: number;
  json?: boolean;
}

/**
 * `npm run -s bench -- hold|stampede|on-sale|import|payments|expiry`: measures on a system of its own; fails when a seat was
 * sold twice, or released early or never.
 */
export async function runBenchCommand(argv: string[]): Promise<void> {
  const command = new Command('bench')
    .description('Measures holding and releasing seats against the limits of this machine.')
    .addArgument(new Argument('<name>', 'what to measure').choices(Object.keys(JUDGES)))
    .addOption(
      new Option('--profile <name>', 'quick: one smaller round; full: three, and writes docs/benchmarks.md')
        .choices(Object.keys(EXTENTS))
        .default('full'),
    )
    .option('--rounds <n>', "how often, with the medians reported, instead of the profile's own number", positive)
    .option('--json', 'one JSON document on standard output')
    .option('--engine <names>', `expiry: only these of ${ENGINE_NAMES.join(', ')}`, listOf(ENGINE_NAMES))
    .option('--scenario <names>', `expiry: only these of ${SCENARIOS.join(', ')}`, listOf(SCENARIOS))
    .option('--pending <n>', 'expiry: holds that run out', positive)
    .option('--rate <n>', 'expiry: holds that run out a second', positive)
    .parse(argv);
  const options = command.opts<BenchOptions>();
  const idle = EXPIRY_OPTIONS.find((name) => options[name] !== undefined);
  if (idle && command.args[0] !== 'expiry') command.error(`error: --${idle} is for expiry only`);
  const load = { generator: generatorName(), secondsPerMeasurement: EXTENTS[options.profile].seconds };
  switch (command.args[0] as BenchName) {
    case 'hold':
      return measure('hold', { run: benchHold, judge: JUDGES.hold, settings: { ...load, ...HOLD_SETTINGS } }, options);
    case 'stampede': {
      const settings = { ...load, ...STAMPEDE_SETTINGS };
      return measure('stampede', { run: benchStampede, judge: JUDGES.stampede, settings }, options);
    }
    case 'on-sale': {
      const settings = { ...load, ...ON_SALE_SETTINGS };
      return measure('on-sale', { run: benchOnSale, judge: JUDGES['on-sale'], settings }, options);
    }
    case 'import':
      return measure('import', { run: benchImport, judge: JUDGES.import, settings: IMPORT_SETTINGS }, options);
    case 'payments': {
      const settings = { ...load, ...PAYMENTS_SETTINGS };
      return measure('payments', { run: benchPayments, judge: JUDGES.payments, settings, env: PAYMENTS_ENV }, options);
    }
    case 'expiry':
      return measure('expiry', expiryBench(options), options);
  }
}

function expiryBench(options: BenchOptions): Bench<ExpiryRound> {
  return {
    run: (system, _db, extent, log) => benchExpiry(system, options.profile, extent, options, log),
    judge: JUDGES.expiry,
    settings: EXPIRY_SETTINGS,
    postgresSettings: POSTGRES_SETTINGS,
    report: (medians) => [...expiryTables(medians).map(toTerminal), ...skippedLines(medians)].join('\n'),
    isPartial: EXPIRY_OPTIONS.some((name) => options[name] !== undefined),
  };
}

/** A comma list of names that are known. */
function listOf(known: readonly string[]) {
  return (text: string): string[] => {
    const names = text.split(',').map((name) => name.trim());
    const unknown = names.filter((name) => !known.includes(name));
    if (unknown.length > 0) throw new InvalidArgumentError(`Known are ${known.join(', ')}.`);
    return names;
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number from 1 on is wanted.');
  return value;
}

function measure<Round extends object>(name: BenchName, bench: Bench<Round>, options: BenchOptions): Promise<void> {
  const log: Log = (line) => process.stderr.write(`${line}\n`);
  const loadAverageBefore = Math.round((loadavg()[0] ?? 0) * 10) / 10;
  return withSystem<BenchSystem>({
    start: (abort) => startBenchSystem(log, { env: bench.env, postgresSettings: bench.postgresSettings, abort }),
    use: (system) =>
      measureOn(system, name, { ...bench, settings: { loadAverageBefore, ...bench.settings } }, options, log),
    stop: (system) => system.stop(),
  });
}

async function measureOn<Round extends object>(
  system: BenchSystem,
  name: BenchName,
  bench: Bench<Round>,
  { profile, rounds: askedRounds, json }: BenchOptions,
  log: Log,
): Promise<void> {
  const db = openDatabase({
    url: system.servers.postgresUrl,
    applicationName: 'bench',
    statementTimeoutMs: 60_000,
  });
  try {
    const machine = await describeMachine(db, system.servers);
    const durability = await readDurability(db);
    const extent = EXTENTS[profile];
    const rounds = await bench.run(system, db, { ...extent, rounds: askedRounds ?? extent.rounds }, log);
    const settings = { profile, ...bench.settings };
    const medians = medianOf(rounds);
    const document: BenchDocument<Round> = { name, machine, settings, durability, rounds, ...medians };
    const faults = bench.judge(rounds);
    if (profile === 'full' && faults.length === 0 && !bench.isPartial) writePage(document);
    if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
    const figures = bench.report?.(medians) ?? tableOf(medians);
    const report = `${figures}\n${madeOn(document)}\n${faults.map((fault) => `Fault: ${fault}\n`).join('')}`;
    (json ? process.stderr : process.stdout).write(report);
    if (faults.length > 0) process.exitCode = 1;
  } finally {
    await db.close();
  }
}

function tableOf(medians: object): string {
  const table = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right'] });
  table.push(...rowsOf(medians));
  return table.toString();
}

function madeOn({ machine, settings, rounds, durability }: BenchDocument): string {
  const on = `${machine.cores} cores, Node ${machine.node}, Postgres ${machine.postgres} (${durability})`;
  const load = settings.generator === undefined ? '' : ` Load by ${settings.generator}.`;
  return `Medians of ${rounds.length}. ${on}.${load}`;
}
