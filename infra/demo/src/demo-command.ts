import { readFileSync } from 'node:fs';
import { EXPIRY_ENGINES, type ExpiryEngineName } from '@holdfast/expiry';
import { arenaPlan, SEATS_MAX, type PlanFile } from '@holdfast/plan';
import { Command, InvalidArgumentError, Option } from 'commander';
import { runDemo } from './demo';
import { startOwnSystem, useRunningSystem, type DemoSystem } from './demo-system';
import { openWitness } from './evidence';
import { describeMachine, readDurability } from './machine';
import { Progress } from './progress';
import { faultCount, reportFor, type DemoDocument } from './report';
import { withSystem } from './with-system';

interface DemoOptions {
  plan?: string;
  seats: number;
  buyers: number;
  holdSeconds: number;
  engine: ExpiryEngineName;
  seed: number;
  url?: string;
  json?: boolean;
}

const BUYERS_MAX = 100_000;
const HOLD_SECONDS_MAX = 3_600;
/** Exit status when a fault was found. */
const FAULTY = 1;

/** `npm run -s demo`: sells an arena to simulated buyers and judges by the books; fails on any fault. */
export async function runDemoCommand(argv: string[]): Promise<void> {
  const options = new Command('demo')
    .description('Sells an event to simulated buyers, then judges by the ledger, the seats and the provider’s books.')
    .option('--plan <file>', 'a seating plan in the format of pretix; default: an arena of --seats')
    .option('--seats <n>', 'seats of the arena', wholeNumber(1, SEATS_MAX), 5_000)
    .option('--buyers <n>', 'buyers that come', wholeNumber(1, BUYERS_MAX), 1_500)
    .option('--hold-seconds <s>', 'how long a hold lives', wholeNumber(1, HOLD_SECONDS_MAX), 3)
    .addOption(new Option('--engine <name>', 'expiry engine').choices(EXPIRY_ENGINES).default('parking'))
    .option('--seed <n>', 'another seed makes another crowd', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--url <url>', 'a system that runs already, instead of one of its own')
    .option('--json', 'one JSON document on standard output')
    .parse(argv)
    .opts<DemoOptions>();
  const plan = options.plan ? readPlan(options.plan) : arenaPlan(options.seats);
  const progress = new Progress();
  await withSystem<DemoSystem>({
    start: (interrupted) =>
      options.url ? useRunningSystem(options.url) : startOwnSystem(options.engine, progress.say, interrupted),
    use: (system) => demonstrate(system, plan, options, progress),
    stop: (system) => {
      progress.stop();
      return system.stop(process.exitCode === FAULTY);
    },
  });
}

async function demonstrate(
  system: DemoSystem,
  plan: PlanFile,
  { buyers, holdSeconds, engine, seed, url, json }: DemoOptions,
  progress: Progress,
): Promise<void> {
  const db = openWitness(system.postgresUrl);
  try {
    const machine = await describeMachine(db, system);
    const durability = await readDurability(db);
    const result = await runDemo(system, db, { plan, buyers, holdSeconds, seed }, progress);
    const { figures } = result;
    const settings = { plan: plan.name, holdSeconds, engine: url ? 'of the running system' : engine, seed };
    const document: DemoDocument = { name: 'demo', machine, settings, durability, rounds: [figures], ...figures };
    const report = `${reportFor(document, result)}\n`;
    if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
    (json ? process.stderr : process.stdout).write(report);
    if (faultCount(figures) > 0) process.exitCode = FAULTY;
  } finally {
    await db.close();
  }
}

function readPlan(file: string): PlanFile {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as PlanFile;
  } catch (error) {
    throw new Error(`The plan ${file} cannot be read: ${(error as Error).message}`);
  }
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`a whole number from ${min} to ${max}`);
    }
    return value;
  };
}
