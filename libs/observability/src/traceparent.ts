import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

/** https://www.w3.org/TR/trace-context/#traceparent-header, version 00. Ids of zeros only are invalid. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;
const SAMPLED = '01';
const SPAN_ID_DIGITS = 16;

/** A step of a trace. Its ids are made when first asked for: most requests send nothing on and log nothing. */
interface Step {
  incoming: unknown;
  traceparent?: string;
}

const storage = new AsyncLocalStorage<Step>();

/** The `traceparent` of the work in progress, or undefined outside of any. Send it on in HTTP and message headers. */
export function currentTraceparent(): string | undefined {
  const step = storage.getStore();
  return step && (step.traceparent ??= childTraceparent(step.incoming));
}

/**
 * Runs `work` as the next step of the trace that `incoming` names, or of a new trace when it is missing or malformed.
 *
 * @param incoming header of a request or message, exactly as received
 */
export function withTraceparent<T>(incoming: unknown, work: () => T): T {
  return storage.run({ incoming }, work);
}

/** A step of the same trace with a span id of its own; a new trace when `parent` is missing or malformed. */
function childTraceparent(parent: unknown): string {
  const [, traceId, flags] = (typeof parent === 'string' && TRACEPARENT.exec(parent)) || [];
  return `00-${traceId ?? randomHex()}-${randomHex().slice(-SPAN_ID_DIGITS)}-${flags ?? SAMPLED}`;
}

/** Makes every request of a server a step of the trace its `traceparent` header names. */
export function followTraceparent(server: Pick<FastifyInstance, 'addHook'>): void {
  server.addHook('onRequest', (request, _reply, done) => {
    withTraceparent(request.headers['traceparent'], done);
  });
}

/** 32 hexadecimal digits. Node keeps random bytes for UUIDs at hand; `randomBytes` asks the system at every request. */
function randomHex(): string {
  return randomUUID().replaceAll('-', '');
}
