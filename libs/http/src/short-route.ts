import type { IncomingHttpHeaders, IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { withTraceparent, type ObserveRequest } from '@holdfast/observability';
import { PROBLEM_MEDIA_TYPE } from './problem.filter';
import { problem, Problem } from './problems';

/** A longer body is not an ordinary request for a few seats; Fastify reads or refuses it. */
const BODY_BYTES_MAX = 16 * 1024;
/**
 * Requests under way at once. Beyond it 503 comes at once: where everybody waits their turn, a crowd that comes faster than
 * it can be served makes the wait longer for all, those included who get a seat. On-sale at one and a half times what it
 * can do, a seat came within 0.7 to 2.6 s (p99) with 1,000 and without a bound, within 0.14 s with this one.
 */
export const AT_ONCE_MAX = 400;
/** The true connection has its own. */
const OF_THE_CONNECTION = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date']);
const JSON_BODY = /^application\/json\s*(;|$)/i;
const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

/** A request to a hot route, read but not checked. */
export interface ShortRequest {
  /** What the groups of the route's `path` matched. */
  params: string[];
  headers: IncomingHttpHeaders;
  body: unknown;
}

export interface ShortAnswer {
  status: number;
  headers?: Record<string, string>;
  body: object;
}

/**
 * Answers an ordinary request, or leaves it to the controller by `undefined`: everything out of the ordinary, so that what
 * is refused before the work begins is refused in one place. What it throws is answered as everywhere.
 */
export type ShortHandler = (request: ShortRequest) => Promise<ShortAnswer | Problem | undefined>;

/** A hot route, and what answers its ordinary requests. */
export interface ShortRoute {
  method: 'POST';
  /** As Fastify and the metrics know it, for example `/v1/events/:eventId/holds`. */
  url: string;
  /** The same as a whole path, with a group for each parameter. */
  path: RegExp;
  /** Called once, when the application's parts are there. */
  handler: (app: INestApplication) => ShortHandler;
}

export interface ShortWayParts {
  fastify: FastifyInstance;
  /** What an error is answered with, logged where it is a fault. */
  problemOf: (error: unknown) => Problem;
  observe: ObserveRequest;
  /** Whether the service is stopping: then connections are not kept alive. */
  isStopping: () => boolean;
}

/**
 * The short way of hot routes: takes their ordinary requests off Node's own server before Fastify and Nest see them, whose
 * way through hooks, router, parser, guards, pipes and interceptors costs several times the request itself. All others
 * go the long way as if nothing had happened. See docs/decisions/015-short-way-before-fastify.md.
 *
 * Call before the server listens.
 */
export function shortenRoutes(routes: { route: ShortRoute; handler: ShortHandler }[], parts: ShortWayParts): void {
  if (routes.length === 0) return;
  const server: Server = parts.fastify.server;
  const [longWay, ...others] = server.listeners('request') as RequestListener[];
  if (!longWay || others.length > 0) throw new Error('The server has not one listener, Fastify');
  let atOnce = 0;
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // While stopping nothing more can be injected.
    if (parts.isStopping()) return longWay(request, response);
    for (const { route, handler } of routes) {
      const params = paramsOf(route, request);
      if (!params) continue;
      const startedAt = performance.now();
      return readBody(request, (payload) => {
        const exchange = { route, handler, params, payload, request, response, startedAt };
        // Counted once it is read: a body that comes drop by drop must not keep the others out.
        if (atOnce >= AT_ONCE_MAX) return answerWith(exchange, problem('overloaded'), parts);
        atOnce++;
        // Not when the response closes: one that waits behind another on a connection that breaks never does.
        void withTraceparent(request.headers['traceparent'], () =>
          serve(exchange, parts).catch((error: unknown) => breakOff(exchange, error, parts)),
        ).finally(() => atOnce--);
      });
    }
    longWay(request, response);
  });
}

interface Exchange {
  route: ShortRoute;
  handler: ShortHandler;
  params: string[];
  /** The request's body, as it came: bytes that are no UTF-8 would be others once decoded and encoded again. */
  payload: Buffer;
  request: IncomingMessage;
  response: ServerResponse;
  /** When its headers were there, by `performance.now()`. */
  startedAt: number;
}

async function serve(exchange: Exchange, parts: ShortWayParts): Promise<void> {
  const { handler, params, payload, request } = exchange;
  let answer: ShortAnswer | Problem | undefined;
  try {
    answer = await handler({ params, headers: request.headers, body: parse(payload) });
    if (!answer) return await injectInto(parts.fastify, exchange);
  } catch (error) {
    answer = parts.problemOf(error);
  }
  answerWith(exchange, answer, parts);
}

function answerWith(exchange: Exchange, answer: ShortAnswer | Problem, { observe, isStopping }: ShortWayParts): void {
  const { route, response, startedAt } = exchange;
  send(response, answer, isStopping());
  const { method, url } = route;
  observe({ method, route: url, status: answer.status }, (performance.now() - startedAt) / 1_000);
}

/** An answer that cannot be sent: the fault is logged, and the caller sees that none will come. */
function breakOff({ response }: Exchange, error: unknown, { problemOf }: ShortWayParts): void {
  problemOf(error);
  response.destroy();
}

/** What the groups of the route's path matched, where the request is an ordinary one to it. */
function paramsOf({ method, path }: ShortRoute, request: IncomingMessage): string[] | undefined {
  if (request.method !== method || !isOrdinary(request)) return undefined;
  return path.exec(request.url ?? '')?.slice(1);
}

function isOrdinary({ headers }: IncomingMessage): boolean {
  const bytes = Number(headers['content-length']);
  return bytes > 0 && bytes <= BODY_BYTES_MAX && JSON_BODY.test(headers['content-type'] ?? '');
}

/** A body of the announced length; a request that breaks off before is gone with its connection. */
function readBody(request: IncomingMessage, done: (payload: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => done(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, answer: ShortAnswer | Problem, isStopping: boolean): void {
  const { status, headers, body, mediaType } =
    answer instanceof Problem
      ? { status: answer.status, headers: answer.headers(), body: answer.body(), mediaType: PROBLEM_MEDIA_TYPE }
      : { ...answer, mediaType: JSON_MEDIA_TYPE };
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': mediaType,
    'content-length': Buffer.byteLength(text),
    ...headers,
    ...(isStopping && { connection: 'close' }),
  });
  response.end(text);
}

/** The long way for a request whose body is read already. */
async function injectInto(fastify: FastifyInstance, { request, payload, response }: Exchange): Promise<void> {
  const { method, url, headers, socket } = request;
  const asked = { method, url, headers, payload, remoteAddress: socket.remoteAddress } as InjectOptions;
  const { statusCode, headers: answered, rawPayload } = await fastify.inject(asked);
  const ours = Object.entries(answered).filter(([name, value]) => !OF_THE_CONNECTION.has(name) || value === 'close');
  response.writeHead(statusCode, Object.fromEntries(ours)).end(rawPayload);
}
