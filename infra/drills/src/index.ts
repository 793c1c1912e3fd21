import { runDrillsCommand } from './drills-command';

if (require.main === module) {
  runDrillsCommand(process.argv).catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
}
