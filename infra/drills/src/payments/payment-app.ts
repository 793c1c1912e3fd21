import { createHttpApp } from '@holdfast/http';
import { PaymentConfig, paymentService, type OnCrashPoint } from '@holdfast/payment-service';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { v7 as newId } from 'uuid';
import type { Stage } from '../stage';
import type { Held } from './drill-event';

/** Small enough that thousands of time-outs and waits fit into a drill, yet above what a busy machine takes. */
const TIMES = {
  stripeTimeoutMs: 250,
  backoffMs: 5,
  backoffMaxMs: 100,
  actionPollMs: 20,
  completerMs: 20,
  // A payment is driven on by the completer: the request need not be waited for.
  answerMs: 100,
};
/** The faults are meant: the provider is never left alone for them. */
const FAULTS_MAX = 1_000_000;

export type PaymentSettings = Partial<PaymentConfig>;

/** payment-service's settings on this stage, as plain data: they are handed to a process too. */
export function paymentSettings(stage: Stage): PaymentSettings {
  return {
    ...TIMES,
    httpPort: stage.paymentPort,
    jwtSecret: stage.jwtSecret,
    logLevel: 'silent',
    postgresUrl: stage.postgresUrl,
    postgresConnectionsMax: 20,
    rabbitmqUrl: stage.rabbitmqUrl,
    stripeApiUrl: stage.provider.url,
    stripeSecretKey: stage.provider.secretKey,
    stripeWebhookSecrets: [stage.provider.webhookSecret],
    stripeFaultsMax: FAULTS_MAX,
    stripeRestMs: 1,
  };
}

/** payment-service in this process, complete, listening where the provider sends its webhooks. */
export async function startPaymentApp(
  settings: PaymentSettings,
  onCrashPoint: OnCrashPoint,
): Promise<NestFastifyApplication> {
  const config = Object.assign(new PaymentConfig(), settings);
  const app = await createHttpApp(paymentService(config, { onCrashPoint }));
  await app.listen(config.httpPort, config.httpHost);
  return app;
}

export interface PayAnswer {
  status: number;
  code: string | undefined;
}

/** Asks to pay a hold, as its buyer or somebody else would, under a key of its own. */
export async function pay(
  stage: Stage,
  held: Held,
  { card, buyerId = held.buyerId }: { card: string; buyerId?: string },
): Promise<PayAnswer> {
  const response = await fetch(`http://127.0.0.1:${stage.paymentPort}/v1/payments`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await stage.token(buyerId)}`,
      'content-type': 'application/json',
      'idempotency-key': newId(),
    },
    body: JSON.stringify({ eventId: held.eventId, holdId: held.holdId, paymentMethod: card }),
  });
  const body = (await response.json()) as { code?: string };
  return { status: response.status, code: body.code };
}
