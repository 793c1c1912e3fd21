import type { HttpServiceOptions } from '@holdfast/http';
import { isDatabaseUnavailable } from '@holdfast/postgres';
import type { WebhookConfig } from './webhook-config';
import { WebhookServiceModule } from './webhook-service.module';

/** What to give `runService`, or `createHttpApp` in tests. */
export function webhookService(config: WebhookConfig): HttpServiceOptions {
  return {
    name: 'webhook-service',
    module: WebhookServiceModule.with(config),
    config,
    isUnavailable: isDatabaseUnavailable,
  };
}
