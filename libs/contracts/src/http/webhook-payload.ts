import { ApiProperty } from '@nestjs/swagger';
import { LEDGER_ACTORS, LEDGER_KINDS } from '../messages/seats-changed';

/** One change of one seat. */
class WebhookEntryBody {
  @ApiProperty({ type: 'integer', description: 'Its place in the ledger of the event: gap-free from 1 over all kinds' })
  seq!: number;

  @ApiProperty({ enum: LEDGER_KINDS })
  kind!: (typeof LEDGER_KINDS)[number];

  @ApiProperty()
  seatId!: string;

  @ApiProperty({ type: 'integer', description: 'The version this change gave the seat' })
  seatVersion!: number;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  holdId!: string | null;

  @ApiProperty({ enum: LEDGER_ACTORS })
  actor!: (typeof LEDGER_ACTORS)[number];

  @ApiProperty({ nullable: true, type: String })
  reason!: string | null;

  @ApiProperty({ format: 'date-time' })
  at!: string;
}

class WebhookData {
  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({ type: [WebhookEntryBody], description: 'In the order of the ledger, 1 to 100 of them' })
  entries!: WebhookEntryBody[];
}

/** What is posted to a webhook endpoint, as Standard Webhooks has it. */
export class SeatsChangedWebhook {
  @ApiProperty({ enum: ['seats.changed'] })
  type!: 'seats.changed';

  @ApiProperty({ format: 'date-time', description: 'When the last of the entries was made' })
  timestamp!: string;

  @ApiProperty()
  data!: WebhookData;
}
