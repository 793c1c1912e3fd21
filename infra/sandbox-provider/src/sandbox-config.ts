import { IsInt, IsOptional, IsString, IsUrl, Max, Min, MinLength } from 'class-validator';
import { fromEnv } from '@holdfast/config';

const HOUR_MS = 3_600_000;

/** Settings of the sandbox provider. None is required. */
export class SandboxConfig {
  @fromEnv('HOLDFAST_HTTP_HOST')
  @IsString()
  host: string = '127.0.0.1';

  @fromEnv('HOLDFAST_SANDBOX_PORT')
  @IsInt()
  @Min(0)
  @Max(65_535)
  port: number = 8084;

  /** Where a payer's browser reaches the sandbox, for the page of 3-D Secure. Empty: as the caller of the sandbox did. */
  @fromEnv('HOLDFAST_SANDBOX_PUBLIC_URL')
  @IsOptional()
  @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true })
  publicUrl?: string;

  /** Folder of the journal. Empty: the books are kept in memory only and are gone with the process. */
  @fromEnv('HOLDFAST_SANDBOX_DATA')
  @IsString()
  dataFolder: string = '';

  /** Added before every answer, to stand for the way to a real provider. */
  @fromEnv('HOLDFAST_SANDBOX_LATENCY_MS')
  @IsInt()
  @Min(0)
  @Max(60_000)
  latencyMs: number = 0;

  @fromEnv('HOLDFAST_STRIPE_SECRET_KEY')
  @IsString()
  @MinLength(8)
  secretKey: string = 'sk_test_sandbox';

  /** Where webhooks are sent: payment-service's `/v1/webhooks/stripe`. Empty: nowhere. */
  @fromEnv('HOLDFAST_SANDBOX_WEBHOOK_URL')
  @IsOptional()
  @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true })
  webhookUrl?: string;

  /** What webhooks are signed with; payment-service must know it as one of `HOLDFAST_STRIPE_WEBHOOK_SECRETS`. */
  @fromEnv('HOLDFAST_SANDBOX_WEBHOOK_SECRET')
  @IsString()
  @MinLength(8)
  webhookSecret: string = 'whsec_sandbox';

  /** Wait before a webhook that was not answered with 2xx is sent again; it doubles with every further one. */
  @fromEnv('HOLDFAST_SANDBOX_WEBHOOK_RETRY_MS')
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  webhookRetryMs: number = 500;

  /** How late a webhook is that is scripted to be late. */
  @fromEnv('HOLDFAST_SANDBOX_LATE_MS')
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  lateMs: number = 5_000;

  /** When a refund that is scripted to be pending, or to fail, comes to its end. */
  @fromEnv('HOLDFAST_SANDBOX_REFUND_MS')
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  refundMs: number = 3_000;
}
