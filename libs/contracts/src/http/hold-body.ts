import { ApiProperty } from '@nestjs/swagger';

const HOLD_STATES = ['held', 'booked', 'released', 'expired', 'unbooked'] as const;

export class HoldSeatBody {
  @ApiProperty({ example: 'St-A-1' })
  seatId!: string;

  @ApiProperty({ example: 'Stalls' })
  category!: string;

  @ApiProperty({ type: 'integer', description: 'In minor units of the currency', example: 4500 })
  priceMinor!: number;

  @ApiProperty({ required: false, enum: [true], description: 'Booked and given back: it is on sale again' })
  unbooked?: true;
}

/** A hold as its buyer sees it. It is valid strictly before `expiresAt`. */
export class HoldBody {
  @ApiProperty({ format: 'uuid' })
  holdId!: string;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({ enum: HOLD_STATES })
  state!: (typeof HOLD_STATES)[number];

  @ApiProperty({ type: 'integer', description: 'Rises with every change of the deadline or the state', example: 1 })
  version!: number;

  @ApiProperty({
    required: false,
    format: 'uuid',
    description: 'The hold that ran out and whose seats a late payment took again, with this hold',
  })
  replacesHoldId?: string;

  @ApiProperty({ type: [HoldSeatBody] })
  seats!: HoldSeatBody[];

  @ApiProperty({ type: 'integer', description: 'Sum of the prices, in minor units', example: 9000 })
  amountMinor!: number;

  @ApiProperty({ description: 'ISO 4217', example: 'EUR' })
  currency!: string;

  @ApiProperty({ format: 'date-time', description: 'By the same clock as `serverTime`' })
  expiresAt!: string;

  @ApiProperty({ type: 'integer', example: 2 })
  extensionsLeft!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({
    format: 'date-time',
    description: 'When this answer was given: count down from the difference, not from your own clock',
  })
  serverTime!: string;
}

export class HoldListBody {
  @ApiProperty({ type: [HoldBody], description: 'Newest first' })
  holds!: HoldBody[];
}
