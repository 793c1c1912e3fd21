import type { HttpServiceOptions } from '@holdfast/http';
import { isDatabaseUnavailable } from '@holdfast/postgres';
import { HoldServiceSilent } from './hold-commands';
import type { PaymentConfig } from './payment-config';
import { PaymentServiceModule } from './payment-service.module';
import { ProviderSilent } from './provider';
import type { PaymentServiceHooks } from './saga';

/** What to give `runService`, or `createHttpApp` in tests. */
export function paymentService(config: PaymentConfig, hooks: PaymentServiceHooks = {}): HttpServiceOptions {
  return {
    name: 'payment-service',
    module: PaymentServiceModule.with(config, hooks),
    config,
    isUnavailable: (error) =>
      isDatabaseUnavailable(error) || error instanceof ProviderSilent || error instanceof HoldServiceSilent,
  };
}
