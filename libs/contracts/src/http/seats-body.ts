import { ApiProperty } from '@nestjs/swagger';

/** The state of every seat of an event, in the order of its layout. Compact: an arena has 50,000. */
export class SeatsBody {
  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({
    description: 'One letter a seat: `A` available, `H` held, `B` booked, `X` blocked',
    example: 'AAHHBX',
  })
  states!: string;

  @ApiProperty({
    type: 'array',
    items: { type: 'integer' },
    description: 'A version a seat; it rises with every change',
    example: [0, 0, 1, 1, 2, 1],
  })
  versions!: number[];

  @ApiProperty({ format: 'date-time' })
  serverTime!: string;
}

export class BlockedSeatsBody {
  @ApiProperty({ type: [String] })
  seats!: string[];

  @ApiProperty({ enum: ['blocked', 'available'] })
  state!: 'blocked' | 'available';

  @ApiProperty({ format: 'date-time' })
  serverTime!: string;
}
