import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { endProcess } from '@holdfast/testing';
import type { BenchSystem } from '../bench-system';
import type { StepTimes } from './step-clock';

/** payment-service with a clock at its steps, in the place of the system's own one: webhooks reach it there. */
export class PaymentsProcess {
  private constructor(
    readonly origin: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(system: BenchSystem): Promise<PaymentsProcess> {
    await system.processes['payment-service'].stop();
    const origin = system.services['payment-service'];
    const { postgresUrl, rabbitmqUrl } = system.servers;
    const log = openSync(join(system.folder, 'logs', 'bench-payments.log'), 'a');
    const child = fork(join(__dirname, 'payments-service.js'), {
      env: {
        PATH: process.env.PATH ?? '',
        NODE_ENV: 'production',
        HOLDFAST_HTTP_PORT: new URL(origin).port,
        HOLDFAST_POSTGRES_URL: postgresUrl,
        HOLDFAST_RABBITMQ_URL: rabbitmqUrl,
        HOLDFAST_STRIPE_API_URL: system.services['sandbox-provider'],
        HOLDFAST_STRIPE_SECRET_KEY: system.stripeSecretKey,
        HOLDFAST_STRIPE_WEBHOOK_SECRETS: system.stripeWebhookSecret,
        HOLDFAST_JWT_SECRET: system.jwtSecret,
        HOLDFAST_LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', log, log, 'ipc'],
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error('payment-service did not start; its log is in the folder of the bench.');
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => undefined);
    return new PaymentsProcess(origin, child);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Where the time went since the last call. */
  async takeSteps(): Promise<StepTimes> {
    const answer = once(this.child, 'message') as Promise<[StepTimes]>;
    this.child.send('take');
    return (await answer)[0];
  }

  stop(): Promise<void> {
    return endProcess(this.child, 'SIGTERM');
  }
}
