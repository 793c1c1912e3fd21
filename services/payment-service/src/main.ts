import { ConfigError, loadConfig } from '@holdfast/config';
import { startHttpService } from '@holdfast/http';
import { PaymentConfig } from './payment-config';
import { paymentService } from './payment-service';

async function main(): Promise<void> {
  await startHttpService(paymentService(loadConfig(PaymentConfig)));
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
