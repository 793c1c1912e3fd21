import type { HttpServiceOptions } from '@holdfast/http';
import { isDatabaseUnavailable } from '@holdfast/postgres';
import type { ExpiryWorkerConfig } from './expiry-worker-config';
import { ExpiryWorkerModule } from './expiry-worker.module';

/** What to give `runService`, or `createHttpApp` in tests. */
export function expiryWorker(config: ExpiryWorkerConfig): HttpServiceOptions {
  return {
    name: 'expiry-worker',
    module: ExpiryWorkerModule.with(config),
    config,
    isUnavailable: isDatabaseUnavailable,
  };
}
