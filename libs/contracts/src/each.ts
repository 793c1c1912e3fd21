import { ValidateBy } from 'class-validator';

/**
 * Every member of the array must pass `accepts`. class-validator's own `each` does not say which member failed; here the
 * message starts with the first one's place, as in `[2] must be ...`.
 *
 * @param requirement what a member must be, for example `must be text of 1 to 200 characters`
 */
export function Each(accepts: (member: unknown) => boolean, requirement: string): PropertyDecorator {
  return ValidateBy({
    name: 'each',
    validator: {
      validate: (value: unknown) => Array.isArray(value) && value.every(accepts),
      defaultMessage: (args) =>
        Array.isArray(args?.value)
          ? `[${args.value.findIndex((member) => !accepts(member))}] ${requirement}`
          : `${args?.property} must be an array`,
    },
  });
}

/** No member of the array may come twice. class-validator's `ArrayUnique` compares each with each: 0.6 s for 240 kB. */
export function EachOnce(): PropertyDecorator {
  return ValidateBy({
    name: 'eachOnce',
    validator: {
      validate: (value: unknown) => Array.isArray(value) && new Set(value).size === value.length,
      defaultMessage: (args) => `${args?.property} must be an array that names each once`,
    },
  });
}
