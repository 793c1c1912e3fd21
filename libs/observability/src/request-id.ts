import { randomUUID } from 'node:crypto';

/** What an id from outside may look like: it goes into every log line, so neither long nor free text. */
const ACCEPTED = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * The id under which one request is found in every log. The gateway sends it as `X-Request-Id`; without a usable one
 * it is made here.
 */
export function requestIdOf(request: { headers: Record<string, string | string[] | undefined> }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : randomUUID();
}
