import { FastifyAdapter, RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods, RouteOptions } from 'fastify';
import { AcceptSockets } from './accept-sockets';
import { nestsDeeperThan } from './json-depth';
import { sendProblem } from './problem.filter';
import { problem } from './problems';
import type { TokenVerifier } from './token-verifier';

const BODY_LIMIT_BYTES = 256 * 1024;

/** Receiving a whole request, body included. */
const REQUEST_TIMEOUT_MS = 60_000;
/** A handler that answers later is a fault of ours; every wait inside one is bounded far below. */
const HANDLER_TIMEOUT_MS = 30_000;
/** Longer than the gateway keeps an idle connection, so that it is the gateway that closes it. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** A seat's or hold's id in a path. */
const PATH_PARAMETER_LENGTH_MAX = 200;

interface BodyLimitConfig {
  bodyLimitBytes?: number;
}

interface RawBodyConfig {
  rawBody?: boolean;
}

const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** A seating plan needs nine. */
const JSON_DEPTH_MAX = 32;
const TOO_DEEP = `It may nest ${JSON_DEPTH_MAX} levels deep.`;

/** Paths whose routes answer a foreign method with 405 and the methods they have. */
const API_PREFIX = '/v1/';

/**
 * Raises the body limit of one route. Such a body is read only for a caller with a valid token: a stranger must not
 * make the service take in megabytes.
 */
export const BodyLimit = (bytes: number): MethodDecorator => RouteConfig({ bodyLimitBytes: bytes });

/** Gives a route its JSON body as the bytes that came, a `Buffer`: for signatures, which are over those. */
export const RawBody = (): MethodDecorator => RouteConfig({ rawBody: true });

/** The Fastify server below Nest: limits, JSON parsing, and refusals of its own as problems. */
export class HttpServer {
  readonly adapter: FastifyAdapter;
  readonly acceptSockets: AcceptSockets;
  /** Whether connections are no longer kept alive. */
  isStopping = false;
  private readonly methodsByPath = new Map<string, Set<string>>();

  /**
   * @param trustedProxies peers whose X-Forwarded-* headers count
   * @param tokens needed where a route has a `BodyLimit`
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

  private onRoute(route: RouteOptions): void {
    route.handlerTimeout ??= HANDLER_TIMEOUT_MS;
    if (route.url.startsWith(API_PREFIX)) {
      const known = this.methodsByPath.get(route.url) ?? new Set();
      [route.method].flat().forEach((method) => known.add(method));
      this.methodsByPath.set(route.url, known);
    }
    const { bodyLimitBytes }: BodyLimitConfig = route.config ?? {};
    if (bodyLimitBytes === undefined) return;
    route.bodyLimit = bodyLimitBytes;
    route.onRequest = async (request: FastifyRequest) => {
      await this.tokens?.verify(request.headers.authorization);
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
    const parseJson = this.fastify.getDefaultJsonParser('error', 'error');
    this.fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
      const { rawBody } = request.routeOptions.config as RawBodyConfig;
      if (rawBody) return done(null, bytes);
      if (bytes.length === 0) return done(null, undefined);
      const body = bytes.toString('utf8');
      if (nestsDeeperThan(JSON_DEPTH_MAX, body)) return done(problem('malformed-json', { detail: TOO_DEEP }));
      void parseJson(request, body, (error, value) => done(error && problem('malformed-json'), value));
    });
  }
}
