import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsISO4217CurrencyCode,
  IsISO8601,
  IsObject,
  IsString,
  IsUppercase,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { LATE_PAYMENTS, type LatePayment } from '../late-payment';
import { MayBeAbsent } from '../presence';
import { SeatIds } from './seat-ids';
import { SEATS_PER_HOLD_MAX } from './hold-requests';

export const HOLD_SECONDS_MAX = 3_600;
const HOLD_SECONDS_DEFAULT = 600;
/** However often it is extended, no hold keeps its seats longer. */
export const HOLD_SECONDS_TOTAL_MAX = 4 * 3_600;
const EXTENSIONS_MAX = 10;
const EXTENSIONS_DEFAULT = 2;
const SEATS_PER_HOLD_DEFAULT = 10;
export const SEATS_PER_BUYER_MAX = 1_000;
const SEATS_PER_BUYER_DEFAULT = 20;
const PAY_GRACE_SECONDS_MAX = 900;
const PAY_GRACE_SECONDS_DEFAULT = 120;
export const PRICE_MINOR_MAX = 1_000_000_000;
/** Blocking more seats takes more requests. */
export const SEATS_PER_BLOCK_MAX = 1_000;

/** RFC 3339: what `new Date` reads the same everywhere, of the many forms that ISO 8601 has. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
const PRINTABLE = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

export class SaleSettings {
  @ApiProperty({ required: false, format: 'date-time', description: 'On sale from then on; from now on if absent' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  @Matches(DATE_TIME, { message: 'startsAt must be a date and time with Z or an offset' })
  startsAt?: string;

  @ApiProperty({ required: false, format: 'date-time', description: 'On sale until then; without end if absent' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  @Matches(DATE_TIME, { message: 'endsAt must be a date and time with Z or an offset' })
  endsAt?: string;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    maximum: HOLD_SECONDS_MAX,
    default: HOLD_SECONDS_DEFAULT,
    description:
      'A hold has its seats for this long at least; its deadline lies up to 20 ms later, shared with other holds',
  })
  @IsInt()
  @Min(1)
  @Max(HOLD_SECONDS_MAX)
  holdSeconds: number = HOLD_SECONDS_DEFAULT;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    maximum: HOLD_SECONDS_TOTAL_MAX,
    description:
      'Bound of a hold with all its extensions; holdSeconds for each of them and the first if absent. No extension goes ' +
      'beyond it; the first deadline may, by those 20 ms, where it equals holdSeconds',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(HOLD_SECONDS_TOTAL_MAX)
  holdSecondsMax?: number;

  @ApiProperty({ type: 'integer', required: false, minimum: 0, maximum: EXTENSIONS_MAX, default: EXTENSIONS_DEFAULT })
  @IsInt()
  @Min(0)
  @Max(EXTENSIONS_MAX)
  extensionsMax: number = EXTENSIONS_DEFAULT;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    maximum: SEATS_PER_HOLD_MAX,
    default: SEATS_PER_HOLD_DEFAULT,
  })
  @IsInt()
  @Min(1)
  @Max(SEATS_PER_HOLD_MAX)
  seatsPerHoldMax: number = SEATS_PER_HOLD_DEFAULT;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    maximum: SEATS_PER_BUYER_MAX,
    default: SEATS_PER_BUYER_DEFAULT,
    description: 'Held and booked together',
  })
  @IsInt()
  @Min(1)
  @Max(SEATS_PER_BUYER_MAX)
  seatsPerBuyerMax: number = SEATS_PER_BUYER_DEFAULT;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 0,
    maximum: PAY_GRACE_SECONDS_MAX,
    default: PAY_GRACE_SECONDS_DEFAULT,
    description: 'A payment that begins gets at least this long, once per hold',
  })
  @IsInt()
  @Min(0)
  @Max(PAY_GRACE_SECONDS_MAX)
  payGraceSeconds: number = PAY_GRACE_SECONDS_DEFAULT;

  @ApiProperty({
    enum: LATE_PAYMENTS,
    required: false,
    default: 'void',
    description:
      'A payment that comes after its hold ran out: `void` gives the money back; `same-seats-if-free` takes the same ' +
      'seats again, under a new hold, while the sale lasts and within the limits of the buyer',
  })
  @IsIn(LATE_PAYMENTS)
  latePayment: LatePayment = 'void';
}

/** An event's settings, without its plan and prices. */
export class EventSettings {
  @ApiProperty({ example: 'Hamlet, opening night' })
  @Matches(PRINTABLE, { message: 'name must be text of 1 to 200 characters, without control characters' })
  name!: string;

  @ApiProperty({ description: 'ISO 4217', example: 'EUR' })
  @IsISO4217CurrencyCode({ message: 'currency must be a code of ISO 4217' })
  @IsUppercase({ message: 'currency must be in upper case' })
  currency!: string;

  @ApiProperty({ required: false, type: SaleSettings })
  @IsObject()
  @ValidateNested()
  @Type(() => SaleSettings)
  sale: SaleSettings = new SaleSettings();
}

export class CreateEventBody extends EventSettings {
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description:
      'A seating plan in the JSON format of pretix and its public editor; at most 200,000 seats. Members of its own that are ' +
      'not needed here are passed over',
  })
  plan!: object;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer', minimum: 0, maximum: PRICE_MINOR_MAX },
    description: 'Price of a seat by the name of its category, in minor units; every category of the plan has one',
    example: { Stalls: 4500, Balcony: 3000 },
  })
  prices!: Record<string, number>;
}

export class BlockSeatsBody {
  @SeatIds(SEATS_PER_BLOCK_MAX)
  seats!: string[];

  @ApiProperty({ required: false, maxLength: 200, example: 'Camera position' })
  @MayBeAbsent()
  @IsString()
  @Matches(PRINTABLE, { message: 'reason must be text of 1 to 200 characters, without control characters' })
  reason?: string;
}
