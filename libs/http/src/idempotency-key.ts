import { hash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problem } from './problems';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** The request's `Idempotency-Key`: 1 to 255 visible ASCII characters, required. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const key = keyOf(context);
  if (key === undefined) throw problem('idempotency-key-required');
  return key;
});

/** The same where it may be left out, because the request by itself does no more when repeated. */
export const OptionalIdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext) => keyOf(context));

function keyOf(context: ExecutionContext): string | undefined {
  const key = context.switchToHttp().getRequest<FastifyRequest>().headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (!isIdempotencyKey(key)) {
    throw problem('idempotency-key-invalid', { detail: 'It must be 1 to 255 visible ASCII characters.' });
  }
  return key;
}

/** Whether a header is a usable key. */
export function isIdempotencyKey(key: string | string[] | undefined): key is string {
  return typeof key === 'string' && KEY.test(key);
}

/** Documents the header of a route that takes a key. */
export const ApiIdempotencyKey = ({ required }: { required: boolean } = { required: true }): MethodDecorator =>
  ApiHeader({
    name: 'Idempotency-Key',
    required,
    description:
      'The same key and request again gets the same answer, with the header `Idempotency-Replayed: true`; ' +
      'with another request it is refused. Kept for at least a day.',
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
  });

/**
 * What a key is bound to: the same request gives the same hash, however its members are ordered.
 *
 * @param request everything that makes the request what it is: body, and path parameters the key's scope does not name
 * @returns SHA-256
 */
export function requestHash(request: unknown): Buffer {
  return hash('sha256', canonicalJson(request), 'buffer');
}

/** On an answer that repeats the one given before to the same key: `true`. */
export const REPLAYED_HEADER = 'idempotency-replayed';

/** Marks an answer that repeats the one given before to the same key. */
export function markReplayed(reply: FastifyReply, replayed: boolean): void {
  if (replayed) void reply.header(REPLAYED_HEADER, 'true');
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const object = value as Record<string, unknown>;
  const members = Object.keys(object)
    .filter((name) => object[name] !== undefined)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(object[name])}`);
  return `{${members.join(',')}}`;
}
