import { loadConfig } from '@holdfast/config';
import { startHttpService } from '@holdfast/http';
import { PaymentConfig, paymentService } from '@holdfast/payment-service';
import { StepClock } from './step-clock';

/*
 * payment-service in a process of its own, as it is, with a clock at its crash points. Says `ready`, and answers every
 * message with the times since the last one.
 */
async function main(): Promise<void> {
  const clock = new StepClock();
  await startHttpService(paymentService(loadConfig(PaymentConfig), { onCrashPoint: clock.onCrashPoint }));
  process.on('message', () => process.send?.(clock.take()));
  process.send?.('ready');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
