import { withRabbitmq } from '@holdfast/broker';
import { fromEnv } from '@holdfast/config';
import { Each } from '@holdfast/contracts';
import { HttpConfig } from '@holdfast/http';
import { withPostgres } from '@holdfast/postgres';
import { ArrayMinSize, IsBoolean, IsInt, IsString, IsUrl, Matches, Max, Min, MinLength } from 'class-validator';

const HOUR_MS = 3_600_000;

/** Settings of payment-service. */
export class PaymentConfig extends withRabbitmq(withPostgres(HttpConfig)) {
  override httpPort: number = 8082;

  /** Stripe's address, `https://api.stripe.com`, or the sandbox provider's. */
  @fromEnv('HOLDFAST_STRIPE_API_URL')
  @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true })
  stripeApiUrl: string = 'http://127.0.0.1:8084';

  @fromEnv('HOLDFAST_STRIPE_SECRET_KEY')
  @IsString()
  @MinLength(8)
  stripeSecretKey: string = 'sk_test_sandbox';

  /** Marks this system's payments at the provider. Another system on the same account needs another name. */
  @fromEnv('HOLDFAST_SYSTEM_NAME')
  @Matches(/^[\w-]{1,40}$/)
  systemName: string = 'holdfast';

  /** How often the provider's books are compared with ours. */
  @fromEnv('HOLDFAST_RECONCILE_EVERY_MS')
  @IsInt()
  @Min(1)
  @Max(24 * HOUR_MS)
  reconcileEveryMs: number = 60_000;

  /** What is younger is not compared yet. */
  @fromEnv('HOLDFAST_RECONCILE_SETTLE_MS')
  @IsInt()
  @Min(0)
  @Max(24 * HOUR_MS)
  reconcileSettleMs: number = 300_000;

  /** What webhooks are signed with, as a comma list: several while one is being replaced by the next. */
  @fromEnv('HOLDFAST_STRIPE_WEBHOOK_SECRETS')
  @ArrayMinSize(1)
  @Each(isWebhookSecret, 'must be a secret of at least 8 characters, without spaces')
  stripeWebhookSecrets: string[] = ['whsec_sandbox'];

  /** How old the signature of a webhook may be; older ones are taken for repeats by somebody else. */
  @fromEnv('HOLDFAST_STRIPE_WEBHOOK_TOLERANCE_MS')
  @IsInt()
  @Min(1_000)
  @Max(HOUR_MS)
  stripeWebhookToleranceMs: number = 300_000;

  /** How long one call to the provider may take; its outcome is unknown after that. */
  @fromEnv('HOLDFAST_STRIPE_TIMEOUT_MS')
  @IsInt()
  @Min(10)
  @Max(60_000)
  stripeTimeoutMs: number = 8_000;

  /** Calls to the provider that fail in a row before it is left alone for a while. */
  @fromEnv('HOLDFAST_STRIPE_FAULTS_MAX')
  @IsInt()
  @Min(1)
  stripeFaultsMax: number = 10;

  /** How long it is left alone. */
  @fromEnv('HOLDFAST_STRIPE_REST_MS')
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  stripeRestMs: number = 5_000;

  /** How long hold-service is waited for. */
  @fromEnv('HOLDFAST_COMMAND_TIMEOUT_MS')
  @IsInt()
  @Min(10)
  @Max(60_000)
  commandTimeoutMs: number = 3_000;

  /** A payment request that has no end by then is answered with `pending`; the payment goes on. */
  @fromEnv('HOLDFAST_PAYMENT_ANSWER_MS')
  @IsInt()
  @Min(0)
  @Max(25_000)
  answerMs: number = 10_000;

  /** Payments and refunds under way at most; beyond it they are answered with 503 at once, and nothing is begun. */
  @fromEnv('HOLDFAST_PAYMENTS_IN_HAND_MAX')
  @IsInt()
  @Min(1)
  @Max(100_000)
  inHandMax: number = 1_000;

  /** Whether buyers may give seats back by themselves; callers with the role `service` always may. */
  @fromEnv('HOLDFAST_REFUNDS_BY_BUYERS')
  @IsBoolean()
  refundsByBuyers: boolean = true;

  /** A payment nobody has worked on for this long is taken up by somebody else. More than any one call may take. */
  @fromEnv('HOLDFAST_PAYMENT_LEASE_MS')
  @IsInt()
  @Min(100)
  @Max(HOUR_MS)
  leaseMs: number = 30_000;

  /** Wait after the first unanswered call of a step; it doubles with each further one. */
  @fromEnv('HOLDFAST_PAYMENT_BACKOFF_MS')
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  backoffMs: number = 200;

  @fromEnv('HOLDFAST_PAYMENT_BACKOFF_MAX_MS')
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  backoffMaxMs: number = 15_000;

  /** How often a payment that waits for its payer is looked at. */
  @fromEnv('HOLDFAST_PAYMENT_ACTION_POLL_MS')
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  actionPollMs: number = 3_000;

  /** How often the completer looks for unfinished payments. */
  @fromEnv('HOLDFAST_PAYMENT_COMPLETER_MS')
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  completerMs: number = 250;
}

function isWebhookSecret(value: unknown): boolean {
  return typeof value === 'string' && /^\S{8,}$/.test(value);
}
