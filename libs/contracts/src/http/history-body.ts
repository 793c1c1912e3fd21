import { ApiProperty } from '@nestjs/swagger';

const KINDS = ['held', 'extended', 'released', 'expired', 'booked', 'unbooked', 'blocked', 'unblocked'] as const;
const ACTORS = ['buyer', 'organiser', 'system'] as const;

export class HistoryEntryBody {
  @ApiProperty({ enum: KINDS })
  kind!: (typeof KINDS)[number];

  @ApiProperty()
  seatId!: string;

  @ApiProperty({ type: 'integer', description: 'The version this change gave the seat' })
  seatVersion!: number;

  @ApiProperty({ enum: ACTORS })
  actor!: (typeof ACTORS)[number];

  @ApiProperty({ nullable: true, type: String })
  reason!: string | null;

  @ApiProperty({ format: 'date-time' })
  at!: string;
}

/** What happened to a hold and its seats while it had them: the ledger's entries, oldest first. */
export class HistoryBody {
  @ApiProperty({ format: 'uuid' })
  holdId!: string;

  @ApiProperty({ type: [HistoryEntryBody] })
  entries!: HistoryEntryBody[];

  @ApiProperty({ format: 'date-time' })
  serverTime!: string;
}
