import { ValidateIf } from 'class-validator';

/**
 * The field may be left out; when it is there, its type is checked. Unlike `IsOptional`, `null` is not "left out": a refund of
 * the seats `null` would be one of all seats.
 */
export function MayBeAbsent(): PropertyDecorator {
  return ValidateIf((_message, value) => value !== undefined, { context: { absent: true } });
}

/** The field is always there and may be `null`. */
export function MayBeNull(): PropertyDecorator {
  return ValidateIf((_message, value) => value !== null, { context: { null: true } });
}
