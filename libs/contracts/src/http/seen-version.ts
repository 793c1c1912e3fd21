import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { MayBeAbsent } from '../presence';

/** As far as a version can count: an integer of Postgres. */
const VERSION_MAX = 2_147_483_647;

/** The version of a hold that the caller has seen, if it wants to be refused where the hold has changed since. */
export function SeenVersion(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({
      type: 'integer',
      required: false,
      minimum: 1,
      description: 'The version of the hold seen; refused when it has changed since',
    }),
    MayBeAbsent(),
    IsInt(),
    Min(1),
    Max(VERSION_MAX),
  );
}
