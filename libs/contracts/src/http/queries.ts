import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';

/** As far as a version can count: an integer of Postgres. */
export const VERSION_MAX = 2_147_483_647;
const EVENTS_LISTED_MAX = 200;
const EVENTS_LISTED_DEFAULT = 50;

export class EventListQuery {
  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    maximum: EVENTS_LISTED_MAX,
    default: EVENTS_LISTED_DEFAULT,
  })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(EVENTS_LISTED_MAX)
  limit: number = EVENTS_LISTED_DEFAULT;

  @ApiProperty({ required: false, format: 'uuid', description: 'The last event of the page before' })
  @IsOptional()
  @IsUUID()
  before?: string;
}

export class VersionQuery {
  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    description: 'The version seen; refused when the hold has changed since',
  })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(VERSION_MAX)
  version?: number;
}
