import { runDemoCommand } from './demo-command';

if (require.main === module) {
  runDemoCommand(process.argv).catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
}
