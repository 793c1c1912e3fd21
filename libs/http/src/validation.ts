import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { problem, type Problem } from './problems';

/** One fault of a request: where, as in `seats[2]` or `sale.holdSeconds`, and what is wrong there. */
export interface Fault {
  path: string;
  message: string;
}

/** A message that starts with `[2]` names the member of the array at fault: see `Each` of the contracts. */
const MEMBER = /^(\[\d+\]) /;

/**
 * Of all objects in a body together; the largest request names a dozen. Each costs 13 µs to check and refuse: 24,000 in one
 * body, all unknown, kept everybody else waiting for 0.3 s, and their faults were an answer of 1.4 MB.
 */
const MEMBERS_MAX = 1_000;
/** Characters shown of where or what a fault is: the name of a member is the caller's, and as long as the body. */
const FAULT_TEXT_MAX = 500;

/** Checks every body and query that a route takes as a class, by `checked`. */
export class ShapePipe implements PipeTransform<unknown, unknown> {
  transform(value: unknown, { type, metatype, data }: ArgumentMetadata): unknown {
    const isWhole = (type === 'body' || type === 'query') && data === undefined;
    if (!isWhole || metatype === undefined || metatype === Object) return value;
    return checked(metatype as new () => object, value);
  }
}

/**
 * Checks a plain value against a class. What the class does not name is a fault: a member with a typing error, or one that
 * does not exist, is a wish that would not be met.
 *
 * @param allowUnknown drops such members instead, where the other side may say more than we need
 * @throws Problem `validation-failed`, with every fault by its path
 */
export function checked<T extends object>(Shape: new () => T, plain: unknown, { allowUnknown = false } = {}): T {
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) {
    throw invalid([{ path: '', message: 'the body must be a JSON object' }]);
  }
  if (!allowUnknown && membersOf(plain) > MEMBERS_MAX) {
    throw invalid([{ path: '', message: `more than ${MEMBERS_MAX} members are named` }]);
  }
  const inherited: Fault[] = [];
  const own = withoutInherited(plain, '', inherited);
  const shaped = plainToInstance(Shape, own, { exposeDefaultValues: true });
  const errors = validateSync(shaped, { whitelist: true, forbidNonWhitelisted: !allowUnknown });
  const faults = [...(allowUnknown ? [] : inherited), ...faultsOf(errors)];
  if (faults.length > 0) throw invalid(faults);
  return shaped;
}

/** The refusal of a request with faults, each shown up to 500 characters. */
export function invalid(faults: Fault[]): Problem {
  const errors = faults.map(({ path, message }) => ({ path: shown(path), message: shown(message) }));
  return problem('validation-failed', { errors });
}

const shown = (text: string) => (text.length > FAULT_TEXT_MAX ? `${text.slice(0, FAULT_TEXT_MAX)}…` : text);

/** Of all objects in it together; an array's own are not counted. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const members = Object.values(value);
  const own = Array.isArray(value) ? 0 : members.length;
  return members.reduce<number>((sum, member) => sum + membersOf(member), own);
}

/**
 * A copy without members whose names every object has from its prototype. class-transformer takes such a member for the
 * inherited one: it passed `toString` over, and made an object of the class that `constructor` names, which is none.
 *
 * @param faults gets one for each member left out
 */
function withoutInherited(value: unknown, path: string, faults: Fault[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const at = pathOf(path, name);
    if (name in Object.prototype) faults.push({ path: at, message: `property ${name} should not exist` });
    else copy[name] = withoutInherited(member, at, faults);
  }
  return Array.isArray(value) ? Object.values(copy) : copy;
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
