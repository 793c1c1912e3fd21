import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsUUID, Max, Min } from 'class-validator';
import { MayBeAbsent } from '../presence';
import { SeenVersion } from './seen-version';

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
  @MayBeAbsent()
  @IsUUID()
  before?: string;
}

export class VersionQuery {
  @SeenVersion()
  @Type(() => Number)
  version?: number;
}
