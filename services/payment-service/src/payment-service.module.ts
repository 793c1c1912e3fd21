import { Readiness } from '@holdfast/http';
import { Metrics } from '@holdfast/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import type { PaymentConfig } from './payment-config';
import { PaymentController } from './payment.controller';
import { Payments } from './payments';
import { RefundController, REFUNDS_BY_BUYERS } from './refund.controller';
import { Saga, type PaymentServiceHooks } from './saga';
import { WebhookController } from './webhook.controller';
import { Webhooks } from './webhooks';

@Module({})
export class PaymentServiceModule {
  constructor(readiness: Readiness, saga: Saga) {
    // RabbitMQ and the provider may be away: payments are then refused or go on later, and can still be read.
    readiness.add('postgres', () => saga.database.check());
  }

  static with(config: PaymentConfig, hooks: PaymentServiceHooks): DynamicModule {
    return {
      module: PaymentServiceModule,
      controllers: [PaymentController, RefundController, WebhookController],
      providers: [
        { provide: REFUNDS_BY_BUYERS, useValue: config.refundsByBuyers },
        { provide: Saga, inject: [Metrics], useFactory: (metrics: Metrics) => new Saga(config, metrics, hooks) },
        { provide: Payments, inject: [Saga], useFactory: ({ payments }: Saga) => payments },
        { provide: Webhooks, inject: [Saga], useFactory: ({ webhooks }: Saga) => webhooks },
      ],
    };
  }
}
