import type { OpenAPIObject } from '@nestjs/swagger';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
type Schema = Schemas[string];

const SCHEMA_PATH = '#/components/schemas/';

/**
 * Says of every schema that a request's body is made of that it takes no other members, as `ShapePipe` does. Schemas of
 * answers, and of what we post to others, stay open: those may get more members.
 */
export function closeRequestBodies({ paths, components }: OpenAPIObject): void {
  for (const { requestBody } of Object.values(paths).flatMap((path) => Object.values(path) as Operation[])) {
    for (const { schema } of Object.values(requestBody?.content ?? {})) {
      if (schema) close(schema, components?.schemas ?? {});
    }
  }
}

interface Operation {
  requestBody?: { content?: Record<string, { schema?: Schema }> };
}

function close(schema: Schema, schemas: Schemas): void {
  if ('$ref' in schema) {
    const named = schemas[schema.$ref.slice(SCHEMA_PATH.length)];
    if (named) close(named, schemas);
    return;
  }
  // One member of a class beside a description of its own is written as a list of one.
  for (const part of schema.allOf ?? []) close(part, schemas);
  if (!schema.properties) return;
  schema.additionalProperties = false;
  for (const property of Object.values(schema.properties)) close(property, schemas);
}
