import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ArrayMinSize } from 'class-validator';
import { Each } from '../each';

/** A seat's public id is its `seat_guid` in the plan. */
const SEAT_ID = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

/** Whether a value can be a seat id; whether there is such a seat, Postgres says. */
export const isSeatId = (value: unknown) => typeof value === 'string' && SEAT_ID.test(value);

/** Seat ids in a request's body. More than `countMax` are refused by the route, as `too-many-seats`. */
export function SeatIds(countMax: number): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: [String], minItems: 1, maxItems: countMax, uniqueItems: true, example: ['St-A-1', 'St-A-2'] }),
    ArrayMinSize(1),
    Each(isSeatId, 'must be a seat id: text of 1 to 200 characters'),
  );
}
