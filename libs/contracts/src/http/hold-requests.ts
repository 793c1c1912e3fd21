import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { SeatIds } from './seat-ids';
import { SeenVersion } from './seen-version';

/** No event may allow more seats in one hold than this. */
export const SEATS_PER_HOLD_MAX = 100;
const EXTENSION_SECONDS_MAX = 3_600;

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

  @SeenVersion()
  version?: number;
}
