import { invalidRequest } from './stripe-error';

/** Form fields as Stripe's client sends them: nested names stay flat, `metadata[holdId]`. */
export type Form = Record<string, string>;

/** Reads an `application/x-www-form-urlencoded` text. */
export function parseForm(text: string): Form {
  return Object.fromEntries(new URLSearchParams(text));
}

/** The members of one nested field, for example of `metadata` or `created`. */
export function nested(form: Form, name: string): Form {
  const prefix = `${name}[`;
  return Object.fromEntries(
    Object.entries(form)
      .filter(([field]) => field.startsWith(prefix) && field.endsWith(']'))
      .map(([field, value]) => [field.slice(prefix.length, -1), value]),
  );
}

/** @throws Refusal when the field is missing or no whole number of at least `min` */
export function integer(form: Form, name: string, min: number): number {
  const value = form[name];
  if (value === undefined) throw invalidRequest(`Missing required param: ${name}.`, 'parameter_missing', name);
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw invalidRequest(`Invalid integer: ${value}`, 'parameter_invalid_integer', name);
  if (number < min) throw invalidRequest(`This value must be greater than or equal to ${min}.`, undefined, name);
  return number;
}
