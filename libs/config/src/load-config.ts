import 'reflect-metadata';
import { plainToInstance, Transform, Type } from 'class-transformer';
import { validateSync } from 'class-validator';
import { OperatorError } from './operator-error';

const ENV_NAME = Symbol('holdfast:env-name');

/** What is wrong with the environment, by variable name. Values are never part of the message: they may be secrets. */
export class ConfigError extends OperatorError {
  constructor(readonly problems: string[]) {
    super(`Configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Names the environment variable that fills a property, and reads it by the property's declared type:
 * `string`, `number`, `boolean` (`true`/`false`/`1`/`0`), or an array of strings (a comma list). An empty variable counts as
 * not set.
 */
export function fromEnv(variable: string): PropertyDecorator {
  return (target, property) => {
    const names = (Reflect.getOwnMetadata(ENV_NAME, target) as Map<string, string> | undefined) ?? new Map();
    names.set(String(property), variable);
    Reflect.defineMetadata(ENV_NAME, names, target);

    const type = Reflect.getMetadata('design:type', target, property) as unknown;
    if (type === Number) Type(() => Number)(target, property);
    if (type === Boolean) Transform(({ value }) => readBoolean(value))(target, property);
    if (type === Array) Transform(({ value }) => readList(value))(target, property);
  };
}

/**
 * Builds and validates a configuration class once, at boot. Defaults are the class's own property initialisers.
 *
 * @throws ConfigError naming every variable that is wrong.
 */
export function loadConfig<T extends object>(Config: new () => T, env: NodeJS.ProcessEnv = process.env): T {
  const names = envNames(Config);
  const given = Object.fromEntries(
    [...names].map(([property, variable]) => [property, env[variable]]).filter(([, value]) => value),
  ) as object;
  const config = plainToInstance(Config, given, { exposeDefaultValues: true });
  const problems = validateSync(config, { skipMissingProperties: false }).map((error) => {
    const reasons = Object.values(error.constraints ?? {}).map((reason) => reason.replace(error.property, 'it'));
    return `${names.get(error.property) ?? error.property}: ${reasons.join('; ')}`;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** The variables a configuration class reads, by property. Used by the generated settings table. */
export function envNames(Config: new () => object): Map<string, string> {
  const names = new Map<string, string>();
  for (
    let proto = Config.prototype as object | null;
    proto && proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto) as object | null
  ) {
    const own = Reflect.getOwnMetadata(ENV_NAME, proto) as Map<string, string> | undefined;
    own?.forEach((variable, property) => names.has(property) || names.set(property, variable));
  }
  return names;
}

function readBoolean(value: unknown): unknown {
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  return value;
}

function readList(value: unknown): unknown {
  return typeof value === 'string' ? value.split(',').map((member) => member.trim()) : value;
}
