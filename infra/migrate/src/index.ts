import { loadConfig } from '@holdfast/config';
import { migrateAll } from './migrate-all';
import { MigrateConfig } from './migrate-config';

export { MigrateConfig, migrateAll };

async function main(): Promise<void> {
  const applied = await migrateAll(loadConfig(MigrateConfig));
  for (const name of applied) console.log(`applied ${name}`);
  if (applied.length === 0) console.log('nothing to apply');
}

if (require.main === module) {
  main().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
