import { ConfigError, loadConfig } from '@holdfast/config';
import { EngineUnavailable } from '@holdfast/expiry';
import { startHttpService } from '@holdfast/http';
import { holdService } from './hold-service';
import { HoldServiceConfig } from './hold-service-config';

/** What an operator can set right by the message alone. */
const isPlain = (error: unknown): error is Error => error instanceof ConfigError || error instanceof EngineUnavailable;

async function main(): Promise<void> {
  await startHttpService(holdService(loadConfig(HoldServiceConfig)));
}

main().catch((error: unknown) => {
  console.error(isPlain(error) ? error.message : error);
  process.exit(1);
});
