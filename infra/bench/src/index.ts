import { runBenchCommand } from './bench-command';

if (require.main === module) {
  runBenchCommand(process.argv).catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
}
