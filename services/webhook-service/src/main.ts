import { ConfigError, loadConfig } from '@holdfast/config';
import { startHttpService } from '@holdfast/http';
import { WebhookConfig } from './webhook-config';
import { webhookService } from './webhook-service';

async function main(): Promise<void> {
  await startHttpService(webhookService(loadConfig(WebhookConfig)));
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
