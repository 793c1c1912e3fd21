import type { HttpServiceOptions } from '@holdfast/http';
import { isDatabaseUnavailable } from '@holdfast/postgres';
import type { HoldServiceConfig } from './hold-service-config';
import { HoldServiceModule } from './hold-service.module';

/** What to give `startHttpService`, or `createHttpApp` in tests. */
export function holdService(config: HoldServiceConfig): HttpServiceOptions {
  return {
    name: 'hold-service',
    module: HoldServiceModule.with(config),
    config,
    isUnavailable: isDatabaseUnavailable,
  };
}
