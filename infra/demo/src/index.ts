import { runDemoCommand } from './demo-command';

export { describeMachine, readDurability, type Durability, type Machine } from './machine';
export { withSystem, type SystemUse } from './with-system';
export { startTemporarySystem, WORKSPACE, type TemporarySystem } from './temporary-system';

if (require.main === module) {
  runDemoCommand(process.argv).catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
}
