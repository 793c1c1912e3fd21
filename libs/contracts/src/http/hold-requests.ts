import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { VERSION_MAX } from './queries';
import { SeatIds } from './seat-ids';

/** No event may allow more seats in one hold than this. */
export const SEATS_PER_HOLD_MAX = 100;
export const EXTENSION_SECONDS_MAX = 3_600;

export class CreateHoldBody {
  @SeatIds(SEATS_PER_HOLD_MAX)
  seats!: string[];
}

export class ExtendHoldBody {
  @ApiProperty({
    type: 'integer',
    minimum: 1,
    maximum: EXTENSION_SECONDS_MAX,
    description: 'The new deadline is this far from now, unless the present one is later',
  })
  @IsInt()
  @Min(1)
  @Max(EXTENSION_SECONDS_MAX)
  seconds!: number;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    description: 'The version seen; refused when the hold has changed since',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(VERSION_MAX)
  version?: number;
}
