import { createHttpApp } from '@holdfast/http';
import { PaymentConfig, paymentService, type OnCrashPoint } from '@holdfast/payment-service';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { v7 as newId } from 'uuid';
import { SignJWT } from 'jose';
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
const TOKEN_LIFE = '1h';

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

export interface Answer {
  status: number;
  code: string | undefined;
}

/** Where payment-service listens, and whose tokens it takes. */
export type Door = Pick<Stage, 'paymentPort' | 'jwtSecret'>;

/** Asks to pay a hold, as its buyer or somebody else would, under a key of its own. */
export async function pay(
  door: Door,
  { eventId, holdId, buyerId }: Held,
  { card, payer = buyerId }: { card: string; payer?: string },
): Promise<Answer> {
  return post(door, '/v1/payments', payer, { eventId, holdId, paymentMethod: card });
}

/** Gives seats of a payment back; all of them when none are named. */
export async function refund(door: Door, { buyerId }: Held, attemptId: string, seats?: string[]): Promise<Answer> {
  return post(door, `/v1/payments/${attemptId}/refunds`, buyerId, { seats });
}

async function post(door: Door, path: string, buyerId: string, body: object): Promise<Answer> {
  const jwt = new SignJWT({ roles: ['buyer'] }).setProtectedHeader({ alg: 'HS256' }).setSubject(buyerId);
  const token = await jwt.setExpirationTime(TOKEN_LIFE).sign(new TextEncoder().encode(door.jwtSecret));
  const response = await fetch(`http://127.0.0.1:${door.paymentPort}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': newId(),
    },
    body: JSON.stringify(body),
  });
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code };
}
