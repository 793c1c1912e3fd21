import { runE2eCommand } from './e2e-command';

if (require.main === module) {
  runE2eCommand(process.argv).catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
}
