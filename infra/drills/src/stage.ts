import { startTemporarySystem } from '@holdfast/demo';

/** What drills need of a system: its front door, hold-service behind RabbitMQ, and the keys to all of its books. */
export interface Stage {
  /** Where events are made. */
  url: string;
  organiserToken: string;
  jwtSecret: string;
  postgresUrl: string;
  rabbitmqUrl: string;
  redisUrl?: string;
  provider: { url: string; secretKey: string; webhookSecret: string };
  /** Where the provider sends its webhooks: the drill's own payment-service listens there. */
  paymentPort: number;
  /** @param keepData for somebody who has to find out what went wrong */
  stop(keepData: boolean): Promise<void>;
}

/** Webhooks that are late or refused, refunds that are pending: soon enough for thousands of them. */
const PROVIDER_TIMES = {
  HOLDFAST_SANDBOX_WEBHOOK_RETRY_MS: '50',
  HOLDFAST_SANDBOX_LATE_MS: '400',
  HOLDFAST_SANDBOX_REFUND_MS: '50',
};

/**
 * A whole system for this drill alone, all gone after `stop`. Its payment-service and expiry-worker are stopped: the drill
 * runs a payment-service that it can crash, and lets holds run out itself.
 *
 * @param abort ends a start that is under way; it then rejects and leaves nothing running
 */
export async function startStage(log: (line: string) => void, abort: AbortSignal): Promise<Stage> {
  const system = await startTemporarySystem('drills', log, { env: PROVIDER_TIMES, abort });
  await Promise.all([system.processes['payment-service'].stop(), system.processes['expiry-worker'].stop()]);
  return {
    url: system.url,
    organiserToken: system.tokens.organiser,
    jwtSecret: system.jwtSecret,
    ...system.servers,
    provider: {
      url: system.services['sandbox-provider'],
      secretKey: system.stripeSecretKey,
      webhookSecret: system.stripeWebhookSecret,
    },
    paymentPort: Number(new URL(system.services['payment-service']).port),
    stop: (keepData) => system.stop(keepData),
  };
}
