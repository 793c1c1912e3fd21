import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsInt,
  IsISO8601,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';

/** Seats of one hold, block or unbook: above any sensible limit per hold, below what would make a message large. */
export const SEATS_PER_MESSAGE_MAX = 10_000;
const REASON_LENGTH_MAX = 500;
/** What Postgres takes as an integer; more would fail there, and be tried again, instead of here. */
const COUNTER_MAX = 2_147_483_647;
/** No control characters and no half characters: Postgres refuses NUL in a text. */
const PLAIN = /^[^\p{Cc}\p{Cs}]*$/u;

/** The kinds of field that messages share, so that the same word has the same type and limit in each of them. */
const together =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (target, property) =>
    decorators.forEach((decorate) => decorate(target, property));

/** A UUID made in the application. */
export const Id = (): PropertyDecorator => IsUUID('all');

/** Between 1 and `max` UUIDs. */
export const Ids = (max: number): PropertyDecorator =>
  together(IsArray(), ArrayMinSize(1), ArrayMaxSize(max), IsUUID('all', { each: true }));

/** The plan's own `seat_guid`. */
export const SeatId = (): PropertyDecorator => together(IsString(), Length(1, 200), Matches(PLAIN));

/** Between 1 and {@link SEATS_PER_MESSAGE_MAX} seats. */
export const SeatIds = (): PropertyDecorator =>
  together(
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(SEATS_PER_MESSAGE_MAX),
    IsString({ each: true }),
    Length(1, 200, { each: true }),
    Matches(PLAIN, { each: true }),
  );

/** The buyer's JWT `sub`. */
export const BuyerId = (): PropertyDecorator => together(IsString(), Length(1, 255), Matches(PLAIN));

/** Versions and sequence numbers count from 1. */
export const Counter = (): PropertyDecorator => together(IsInt(), Min(1), Max(COUNTER_MAX));

/** Integer minor units of the currency. */
export const AmountMinor = (): PropertyDecorator => together(IsInt(), Min(0));

/** ISO 4217, upper case. */
export const Currency = (): PropertyDecorator => Matches(/^[A-Z]{3}$/);

/** A time of the database, ISO 8601 in UTC. */
export const Time = (): PropertyDecorator => IsISO8601({ strict: true, strictSeparator: true });

/** Why something happened, for people and for the ledger. */
export const Reason = (): PropertyDecorator => together(IsString(), Length(1, REASON_LENGTH_MAX), Matches(PLAIN));

/** Between 1 and `max` objects of one class. The class is kept as context, so that the catalogue can describe it. */
export const ListOf = (Item: new () => object, max: number): PropertyDecorator =>
  together(
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(max),
    ValidateNested({ each: true, context: { of: Item } }),
    Type(() => Item),
  );
