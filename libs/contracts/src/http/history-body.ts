import { ApiProperty } from '@nestjs/swagger';
import { LEDGER_ACTORS, LEDGER_KINDS } from '../messages/seats-changed';

export class HistoryEntryBody {
  @ApiProperty({ enum: LEDGER_KINDS })
  kind!: (typeof LEDGER_KINDS)[number];

  @ApiProperty()
  seatId!: string;

  @ApiProperty({ type: 'integer', description: 'The version this change gave the seat' })
  seatVersion!: number;

  @ApiProperty({ enum: LEDGER_ACTORS })
  actor!: (typeof LEDGER_ACTORS)[number];

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
