import Ajv, { type SchemaObject, type ValidateFunction } from 'ajv';
import { getMetadataStorage, isISO8601, isUUID, length, matches } from 'class-validator';

type Rule = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

/** The rules of class-validator that JSON Schema has words for, by the names they have there. */
const STANDARD_RULES: Record<string, (argument: unknown) => SchemaObject> = {
  isString: () => ({ type: 'string' }),
  isInt: () => ({ type: 'integer' }),
  isBoolean: () => ({ type: 'boolean' }),
  isArray: () => ({ type: 'array' }),
  min: (minimum) => ({ type: 'number', minimum }),
  max: (maximum) => ({ type: 'number', maximum }),
  arrayMinSize: (minItems) => ({ type: 'array', minItems }),
  arrayMaxSize: (maxItems) => ({ type: 'array', maxItems }),
  isIn: (values) => ({ enum: values }),
  equals: (value) => ({ const: value }),
};

/** Those of texts become keywords that call class-validator's own functions, so that they mean the same to the letter. */
const TEXT_RULES: Record<string, (text: string, ...args: never[]) => boolean> = {
  isUuid: isUUID,
  isIso8601: isISO8601,
  isLength: length,
  matches,
};

const ajv = new Ajv({
  keywords: Object.entries(TEXT_RULES).map(([keyword, accepts]) => ({
    keyword,
    type: 'string',
    compile: (args: never[]) => (text: string) => accepts(text, ...args),
  })),
});

const compiled = new WeakMap<new () => object, ValidateFunction>();

/**
 * The check of a message class, compiled at its first use from the rules that its fields are decorated with: a JSON schema
 * takes 1 to 2 microseconds for an entry of `seats-changed.v1`, where class-transformer and class-validator take 30.
 *
 * What only the class can say stands in the context of its rules: `{ absent: true }` and `{ null: true }` of a
 * `ValidateIf`, and the class `{ of: Item }` of the listed objects of a `ValidateNested`.
 *
 * @throws Error for a rule that has no counterpart here, so that none is passed over
 */
export function messageCheck<T extends object>(Class: new () => T): ValidateFunction<T> {
  let check = compiled.get(Class) as ValidateFunction<T> | undefined;
  if (!check) compiled.set(Class, (check = ajv.compile<T>(schemaOf(Class))));
  return check;
}

/** Unknown fields are allowed. */
function schemaOf(Class: new () => object): SchemaObject {
  const rules = getMetadataStorage().getTargetValidationMetadatas(Class, '', true, false);
  const fields = [...new Set(rules.map(({ propertyName }) => propertyName))].map((field) => ({
    field,
    rules: rules.filter(({ propertyName }) => propertyName === field),
  }));
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map((one) => [one.field, schemaOfField(one.rules)])),
    required: fields.filter((one) => !hasContext(one.rules, 'absent')).map(({ field }) => field),
  };
}

function schemaOfField(rules: Rule[]): SchemaObject {
  const nullable = hasContext(rules, 'null') && { nullable: true };
  const schemas = rules.map(schemaOfRule).filter((schema) => schema !== undefined);
  return { allOf: schemas.map((schema) => ({ ...schema, ...nullable })) };
}

/** Undefined for a rule that says when the others of its field apply. */
function schemaOfRule(rule: Rule): SchemaObject | undefined {
  const { name = rule.type, each } = rule;
  const args: unknown[] = rule.constraints ?? [];
  const { of: Item, ...presence } = contextOf(rule);
  if (Item) return { type: 'array', items: schemaOf(Item) };
  if (presence.absent || presence.null) return undefined;
  const schema = name in TEXT_RULES ? { type: 'string', [name]: args } : STANDARD_RULES[name]?.(args[0]);
  if (!schema) throw new Error(`A message cannot be checked by the rule ${name} of ${rule.propertyName}`);
  return each ? { type: 'array', items: schema } : schema;
}

interface RuleContext {
  absent?: boolean;
  null?: boolean;
  of?: new () => object;
}

function contextOf({ context }: Rule): RuleContext {
  return (context as RuleContext | undefined) ?? {};
}

function hasContext(rules: Rule[], key: keyof RuleContext): boolean {
  return rules.some((rule) => contextOf(rule)[key]);
}
