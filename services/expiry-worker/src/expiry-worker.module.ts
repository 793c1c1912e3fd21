import { Readiness } from '@holdfast/http';
import { Metrics } from '@holdfast/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import { ExpiryWorker } from './expiry-worker';
import type { ExpiryWorkerConfig } from './expiry-worker-config';

@Module({})
export class ExpiryWorkerModule {
  constructor(readiness: Readiness, worker: ExpiryWorker) {
    // Without RabbitMQ the sweeper still releases: later, but every hold.
    readiness.add('postgres', () => worker.database.check());
  }

  static with(config: ExpiryWorkerConfig): DynamicModule {
    return {
      module: ExpiryWorkerModule,
      providers: [
        {
          provide: ExpiryWorker,
          inject: [Metrics],
          useFactory: (metrics: Metrics) => ExpiryWorker.open(config, metrics),
        },
      ],
    };
  }
}
