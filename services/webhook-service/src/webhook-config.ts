import { fromEnv } from '@holdfast/config';
import { Each } from '@holdfast/contracts';
import { HttpConfig } from '@holdfast/http';
import { withPostgres } from '@holdfast/postgres';
import { IsInt, IsOptional, IsString, Max, Min, MinLength } from 'class-validator';
import { isNetwork } from './destination';

/** Secrets of receivers are derived from it: it must not be easier to guess than one of them. */
const KEY_LENGTH_MIN = 32;

/** Settings of webhook-service. */
export class WebhookConfig extends withPostgres(HttpConfig) {
  override httpPort: number = 8085;

  /** From it the signing secrets of all endpoints are derived. Required, at least 32 characters, the same on every instance. */
  @fromEnv('HOLDFAST_WEBHOOK_KEY')
  @IsString()
  @MinLength(KEY_LENGTH_MIN)
  webhookKey!: string;

  /** The key before, while receivers still have secrets derived from it: deliveries are then signed with both. */
  @fromEnv('HOLDFAST_WEBHOOK_PREVIOUS_KEY')
  @IsOptional()
  @IsString()
  @MinLength(KEY_LENGTH_MIN)
  webhookPreviousKey?: string;

  /** Networks that deliveries may go to though they are not public, and by plain `http`, as a comma list of CIDR ranges. */
  @fromEnv('HOLDFAST_WEBHOOK_ALLOWED_NETWORKS')
  @Each(isNetwork, 'must be a CIDR range')
  webhookAllowedNetworks: string[] = [];

  /** How long a receiver may take, from looking up its name to its answer. */
  @fromEnv('HOLDFAST_WEBHOOK_TIMEOUT_MS')
  @IsInt()
  @Min(10)
  @Max(60_000)
  webhookTimeoutMs: number = 15_000;

  /** Deliveries one instance makes at a time; an endpoint gets one at a time. */
  @fromEnv('HOLDFAST_WEBHOOK_DELIVERIES_MAX')
  @IsInt()
  @Min(1)
  @Max(1_000)
  webhookDeliveriesMax: number = 50;

  /** Of these, how many go to endpoints of one organiser, so that receivers that hang delay nobody else's webhooks. */
  @fromEnv('HOLDFAST_WEBHOOK_DELIVERIES_PER_ORGANISER_MAX')
  @IsInt()
  @Min(1)
  @Max(1_000)
  webhookDeliveriesPerOrganiserMax: number = 10;

  /** How often entries to deliver are looked for. */
  @fromEnv('HOLDFAST_WEBHOOK_POLL_MS')
  @IsInt()
  @Min(10)
  @Max(60_000)
  webhookPollMs: number = 250;

  /** An endpoint to which nothing could be delivered for this long is disabled. */
  @fromEnv('HOLDFAST_WEBHOOK_DISABLE_AFTER_HOURS')
  @IsInt()
  @Min(1)
  @Max(8_760)
  webhookDisableAfterHours: number = 120;

  /** How long a secret still signs after another has taken its place. */
  @fromEnv('HOLDFAST_WEBHOOK_SECRET_OVERLAP_HOURS')
  @IsInt()
  @Min(1)
  @Max(720)
  webhookSecretOverlapHours: number = 24;
}
