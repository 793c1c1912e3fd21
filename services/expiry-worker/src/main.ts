import { ConfigError, loadConfig } from '@holdfast/config';
import { EngineUnavailable } from '@holdfast/expiry';
import { startHttpService } from '@holdfast/http';
import { expiryWorker } from './expiry-worker-service';
import { ExpiryWorkerConfig } from './expiry-worker-config';

async function main(): Promise<void> {
  await startHttpService(expiryWorker(loadConfig(ExpiryWorkerConfig)));
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError || error instanceof EngineUnavailable ? error.message : error);
  process.exit(1);
});
