import { Readiness } from '@holdfast/http';
import { Metrics } from '@holdfast/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import type { WebhookConfig } from './webhook-config';
import { WebhookEndpointController } from './webhook-endpoint.controller';
import { Webhooks } from './webhooks';

@Module({})
export class WebhookServiceModule {
  constructor(readiness: Readiness, webhooks: Webhooks) {
    readiness.add('postgres', () => webhooks.database.check());
  }

  static with(config: WebhookConfig): DynamicModule {
    return {
      module: WebhookServiceModule,
      controllers: [WebhookEndpointController],
      providers: [
        { provide: Webhooks, inject: [Metrics], useFactory: (metrics: Metrics) => new Webhooks(config, metrics) },
      ],
    };
  }
}
