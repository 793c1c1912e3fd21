import { ApiProperty } from '@nestjs/swagger';
import { LEDGER_KINDS } from '../messages/seats-changed';

const WEBHOOK_ENDPOINT_STATES = ['active', 'paused', 'disabled'] as const;
const WEBHOOK_DISABLED_REASONS = ['gone', 'failing'] as const;
const WEBHOOK_OUTCOMES = ['delivered', 'refused', 'gone', 'timed-out', 'unreachable', 'not-allowed'] as const;

/** What never changes of an endpoint. */
class WebhookEndpointIdentity {
  @ApiProperty({ format: 'uuid' })
  endpointId!: string;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({ format: 'uri', example: 'https://tickets.example.com/holdfast' })
  url!: string;

  @ApiProperty({ enum: LEDGER_KINDS, isArray: true, nullable: true, description: '`null`: all' })
  kinds!: (typeof LEDGER_KINDS)[number][] | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;
}

export class WebhookEndpointCreatedBody extends WebhookEndpointIdentity {
  @ApiProperty({
    description: 'Verifies the signatures. Shown here and by the same request repeated, never again',
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=',
  })
  secret!: string;

  @ApiProperty({ format: 'date-time' })
  serverTime!: string;
}

class WebhookFailureBody {
  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ description: 'What went wrong', example: 'answered 500' })
  reason!: string;
}

/** An endpoint as it is now. */
export class WebhookEndpointBody extends WebhookEndpointIdentity {
  @ApiProperty({ enum: WEBHOOK_ENDPOINT_STATES, description: 'Only to an `active` one is anything delivered' })
  state!: (typeof WEBHOOK_ENDPOINT_STATES)[number];

  @ApiProperty({
    required: false,
    enum: WEBHOOK_DISABLED_REASONS,
    description: 'With `disabled`. `gone`: it answered 410. `failing`: nothing could be delivered for days',
  })
  disabledReason?: (typeof WEBHOOK_DISABLED_REASONS)[number];

  @ApiProperty({ type: 'integer', description: 'Everything up to this entry of the ledger was delivered' })
  deliveredSeq!: number;

  @ApiProperty({ type: 'integer', description: 'The last entry of the ledger there is' })
  lastSeq!: number;

  @ApiProperty({ required: false, format: 'date-time' })
  lastDeliveredAt?: string;

  @ApiProperty({ type: 'integer', description: 'Deliveries that failed since the last one that did not' })
  failures!: number;

  @ApiProperty({ required: false, description: 'The last one, though others may have been delivered since' })
  lastFailure?: WebhookFailureBody;

  @ApiProperty({ required: false, format: 'date-time', description: 'While it fails: when the next try is due' })
  nextTryAt?: string;

  @ApiProperty({ format: 'date-time' })
  serverTime!: string;
}

export class WebhookEndpointListBody {
  @ApiProperty({ type: [WebhookEndpointBody], description: 'Oldest first' })
  endpoints!: WebhookEndpointBody[];
}

export class WebhookSecretBody {
  @ApiProperty({ description: 'Signs from now on. Shown here and by the same request repeated, never again' })
  secret!: string;

  @ApiProperty({ format: 'date-time', description: 'Until then the secret before it signs as well' })
  previousSignsUntil!: string;

  @ApiProperty({ format: 'date-time' })
  serverTime!: string;
}

/** One request that was made to an endpoint. */
export class WebhookAttemptBody {
  @ApiProperty({ description: 'The header `webhook-id`', example: 'msg_01936f2e000070008000000000000001_41_42' })
  webhookId!: string;

  @ApiProperty({ type: 'integer' })
  firstSeq!: number;

  @ApiProperty({ type: 'integer' })
  lastSeq!: number;

  @ApiProperty({ enum: WEBHOOK_OUTCOMES })
  outcome!: (typeof WEBHOOK_OUTCOMES)[number];

  @ApiProperty({ description: 'The outcome in words', example: 'answered 204' })
  detail!: string;

  @ApiProperty({ type: 'integer' })
  tookMs!: number;

  @ApiProperty({ format: 'date-time' })
  at!: string;
}

export class WebhookAttemptListBody {
  @ApiProperty({ type: [WebhookAttemptBody], description: 'Newest first; the last 50 are kept' })
  attempts!: WebhookAttemptBody[];
}
