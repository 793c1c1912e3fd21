import { ValidationPipe } from '@nestjs/common';
import { registerDecorator, type ValidationError } from 'class-validator';
import { problem } from './problems';

/** One fault of a request: where, as in `seats[2]` or `sale.holdSeconds`, and what is wrong there. */
export interface Fault {
  path: string;
  message: string;
}

/** A message that starts with `[2]` names the member of the array at fault; class-validator itself only says "each". */
const MEMBER = /^(\[\d+\]) /;

/** Checks bodies and queries against their classes; members without a rule are dropped. 422 names every fault by its path. */
export function validationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) => problem('validation-failed', { errors: faultsOf(errors) }),
  });
}

/**
 * Every member of the array must pass `accepts`; the fault names the first one that does not.
 *
 * @param requirement what a member must be, for example `must be text of 1 to 200 characters`
 */
export function Each(accepts: (member: unknown) => boolean, requirement: string): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'each',
      target: target.constructor,
      propertyName: String(property),
      validator: {
        validate: (value: unknown) => Array.isArray(value) && value.every(accepts),
        defaultMessage: (args) =>
          Array.isArray(args?.value)
            ? `[${args.value.findIndex((member) => !accepts(member))}] ${requirement}`
            : `${String(property)} must be an array`,
      },
    });
}

export function faultsOf(errors: ValidationError[], parent = ''): Fault[] {
  return errors.flatMap((error) => {
    const path = pathOf(parent, error.property);
    const own = Object.values(error.constraints ?? {}).map((message) => {
      const member = MEMBER.exec(message)?.[1] ?? '';
      return { path: path + member, message: member ? message.slice(member.length + 1) : message };
    });
    return [...own, ...faultsOf(error.children ?? [], path)];
  });
}

function pathOf(parent: string, property: string): string {
  if (/^\d+$/.test(property)) return `${parent}[${property}]`;
  return parent ? `${parent}.${property}` : property;
}
