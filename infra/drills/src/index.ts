import { runDrillsCommand } from './drills-command';

export { readBooks, type Books } from './payments/books';
export { judge, type Violation } from './payments/judge';

if (require.main === module) {
  runDrillsCommand(process.argv).catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
}
