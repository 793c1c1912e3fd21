import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { arenaPlan, SEATS_MAX } from './arena-plan';

interface PlanOptions {
  seats: number;
  out: string;
  name: string;
  seed: number;
}

/** `npm run -s plan -- --seats 50000 --out FILE`: writes an arena as a seating plan. */
export function runPlanCommand(argv: string[]): void {
  const command = new Command('plan')
    .description("Writes an arena with exactly that many seats, in pretix's open JSON seating-plan format.")
    .requiredOption('--seats <n>', `1 to ${SEATS_MAX}`, wholeNumber(1, SEATS_MAX))
    .requiredOption('--out <file>', 'where the plan is written')
    .option('--name <text>', "the plan's name", 'Arena')
    .option('--seed <n>', 'another seed puts the entrances elsewhere', wholeNumber(0, 2 ** 32 - 1), 1)
    .parse(argv);
  const { seats, out, name, seed } = command.opts<PlanOptions>();
  try {
    writeFileSync(out, JSON.stringify(arenaPlan(seats, { name, seed })));
  } catch (error) {
    command.error(`cannot write ${out}: ${(error as Error).message}`);
  }
  process.stderr.write(`${out}: ${seats} seats\n`);
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
