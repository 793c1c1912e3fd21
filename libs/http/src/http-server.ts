import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FastifyAdapter, RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods, RouteOptions } from 'fastify';
import { AcceptSockets } from './accept-sockets';
import { requireRole } from './bearer.guard';
import { BytesInHand, type BytesInHandBounds } from './bytes-in-hand';
import { parseJsonBody } from './json-body';
import { PROBLEM_MEDIA_TYPE, sendProblem } from './problem.filter';
import { problem } from './problems';
import type { Role, TokenVerifier } from './token-verifier';

/** Until connections that are still idle are closed: a gateway that is busy has used its own by then. */
const DRAIN_MS = 1_000;
const DRAIN_LOOK_MS = 20;
const BODY_LIMIT_BYTES = 256 * 1024;

/** Receiving a whole request, body included. */
const REQUEST_TIMEOUT_MS = 60_000;
/** A handler that answers later is a fault of ours; every wait inside one is bounded far below. */
const HANDLER_TIMEOUT_MS = 30_000;
/** Longer than the gateway keeps an idle connection, so that it is the gateway that closes it. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** A seat's or hold's id in a path. */
const PATH_PARAMETER_LENGTH_MAX = 200;

interface BodyConfig {
  rawBody?: boolean;
  largeBody?: LargeBodyOptions;
}

export interface LargeBodyOptions {
  /** Of one body. */
  bytesMax: number;
  /** Of the bodies of the route that are being received or worked on. */
  bytesInHand: BytesInHandBounds;
  /** Whose bodies are read. */
  role: Role;
}

const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Paths whose routes answer a foreign method with 405 and the methods they have. */
const API_PREFIX = '/v1/';

/**
 * Gives a route bodies beyond the usual limit, as the bytes that came (see `RawBody`): to parse megabytes would stall every
 * other request. Such a body is read only for a caller with the role, since a stranger must not make the service take in
 * megabytes, and only while those in hand, the caller's and all, come to no more than their bounds; beyond it the answer
 * is 503.
 */
export const LargeBody = (largeBody: LargeBodyOptions): MethodDecorator =>
  RouteConfig({ rawBody: true, largeBody } satisfies BodyConfig);

/** Gives a route its JSON body as the bytes that came, a `Buffer`: for signatures, which are over those. */
export const RawBody = (): MethodDecorator => RouteConfig({ rawBody: true } satisfies BodyConfig);

/** Node could not read the request, so there is none that Fastify could answer; what comes after it is not read either. */
function refuseUnreadable(_error: Error, socket: Socket): void {
  if (!socket.writable) return void socket.destroy();
  const text = JSON.stringify(problem('malformed-request').body());
  socket.write(
    `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  socket.destroySoon();
}

/** The Fastify server below Nest: limits, JSON parsing, and refusals of its own as problems. */
export class HttpServer {
  readonly adapter: FastifyAdapter;
  readonly acceptSockets: AcceptSockets;
  /** Whether connections are no longer kept alive. */
  isStopping = false;
  private readonly methodsByPath = new Map<string, Set<string>>();

  /**
   * @param trustedProxies peers whose X-Forwarded-* headers count
   * @param tokens needed where a route has a `LargeBody`
   */
  constructor(
    trustedProxies: string[],
    private readonly tokens: TokenVerifier | undefined,
  ) {
    this.adapter = new FastifyAdapter({
      trustProxy: trustedProxies,
      bodyLimit: BODY_LIMIT_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      routerOptions: { maxParamLength: PATH_PARAMETER_LENGTH_MAX },
      // While stopping, a request on a connection that is already open is still served, and told to close it.
      return503OnClosing: false,
      frameworkErrors: (_error: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
        sendProblem(reply, problem('malformed-request')),
      clientErrorHandler: refuseUnreadable,
    });
    this.fastify.addHook('onRoute', (route) => this.onRoute(route));
    this.closeConnectionsWhenStopping();
    this.acceptSockets = new AcceptSockets(this.fastify);
    this.parseJsonOnly();
  }

  get fastify(): FastifyInstance {
    return this.adapter.getInstance<FastifyInstance>();
  }

  /** Adds the missing methods of every API path as routes that answer 405. Call when all routes are known. */
  refuseForeignMethods(): void {
    for (const [url, known] of [...this.methodsByPath]) {
      const allow = [...known].sort();
      this.fastify.route({
        url,
        method: METHODS.filter((method) => !known.has(method)),
        // Before the body is read: whatever it holds, the answer is the same.
        onRequest: () => Promise.reject(problem('method-not-allowed', { allow })),
        handler: () => undefined,
      });
    }
  }

  /**
   * Lets go of the connections: new ones are refused, and each that is open ends with its next answer, which says so. Were
   * they closed at once, as Node does, requests that are on their way on them would be lost: nobody else may answer those.
   */
  async drain(): Promise<void> {
    this.isStopping = true;
    this.acceptSockets.stopAccepting();
    const until = performance.now() + DRAIN_MS;
    while (performance.now() < until && this.acceptSockets.connectionsOpen > 0) await sleep(DRAIN_LOOK_MS);
    this.acceptSockets.endUnasked();
  }

  private onRoute(route: RouteOptions): void {
    route.handlerTimeout ??= HANDLER_TIMEOUT_MS;
    if (route.url.startsWith(API_PREFIX)) {
      const known = this.methodsByPath.get(route.url) ?? new Set();
      [route.method].flat().forEach((method) => known.add(method));
      this.methodsByPath.set(route.url, known);
    }
    const { largeBody }: BodyConfig = route.config ?? {};
    if (!largeBody) return;
    route.bodyLimit = largeBody.bytesMax;
    route.onRequest = this.takeInLargeBody(largeBody);
  }

  private takeInLargeBody({ bytesMax, bytesInHand, role }: LargeBodyOptions) {
    const inHand = new BytesInHand(bytesInHand);
    return async ({ headers }: FastifyRequest, reply: FastifyReply) => {
      const identity = await this.tokens?.verify(headers.authorization);
      if (identity) requireRole(identity, [role]);
      // One that does not say its length, or a length that will be refused, may become as large as any.
      const bytes = Math.min(Number(headers['content-length'] ?? bytesMax), bytesMax);
      reply.raw.once('close', inHand.take(identity?.id ?? '', bytes));
    };
  }

  /** A connection that is kept alive after its last answer would hold up the stop until it times out. */
  private closeConnectionsWhenStopping(): void {
    this.fastify.addHook('preClose', (done) => {
      this.isStopping = true;
      done();
    });
    this.fastify.addHook('onSend', (_request, reply, _payload, done) => {
      if (this.isStopping) void reply.header('connection', 'close');
      done();
    });
  }

  /** An empty body is no body, whatever its content type says; anything but JSON is 415. */
  private parseJsonOnly(): void {
    this.fastify.removeAllContentTypeParsers();
    this.fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
      const { rawBody } = request.routeOptions.config as BodyConfig;
      let body: unknown;
      try {
        body = rawBody ? bytes : parseJsonBody(bytes);
      } catch (error) {
        return done(error as Error);
      }
      done(null, body);
    });
  }
}
