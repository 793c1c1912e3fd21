import { ValidationPipe } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { problem } from './problems';

/** One fault of a request: where, as in `seats[2]` or `sale.holdSeconds`, and what is wrong there. */
export interface Fault {
  path: string;
  message: string;
}

/** A message that starts with `[2]` names the member of the array at fault: see `Each` of the contracts. */
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
 * Checks a plain value against a class, where the pipe is not used: its deep copy of a large body takes seconds.
 *
 * @param forbidUnknown whether members without a rule are faults, instead of being dropped
 * @throws Problem `validation-failed`
 */
export function checked<T extends object>(Body: new () => T, plain: unknown, { forbidUnknown = false } = {}): T {
  const body = plainToInstance(Body, plain, { exposeDefaultValues: true });
  const errors = validateSync(body, { whitelist: true, forbidNonWhitelisted: forbidUnknown });
  if (errors.length > 0) throw problem('validation-failed', { errors: faultsOf(errors) });
  return body;
}

function faultsOf(errors: ValidationError[], parent = ''): Fault[] {
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
