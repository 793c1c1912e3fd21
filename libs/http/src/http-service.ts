import { CannotListen } from '@holdfast/config';
import {
  createLogger,
  followTraceparent,
  logHttpRequests,
  Metrics,
  observeHttpRequests,
  type ObserveRequest,
} from '@holdfast/observability';
import { Logger as NestLogger, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { Logger } from 'nestjs-pino';
import { closeRequestBodies } from './closed-bodies';
import { EdgeModule, type EdgeOptions } from './edge.module';
import { HttpConfig, type ServerConfig } from './http-config';
import { HttpServer } from './http-server';
import { ProblemFilter } from './problem.filter';
import { shortenRoutes, type ShortRoute } from './short-route';
import { TokenVerifier } from './token-verifier';

export interface HttpServiceOptions {
  /** Names the service in logs and in its API's title, for example `hold-service`. */
  name: string;
  module: EdgeOptions['module'];
  /** Routes with `@Roles` need an `HttpConfig`, which says whose tokens count. */
  config: ServerConfig;
  /** Errors answered by 503 with Retry-After instead of 500: a server the service needs is away. */
  isUnavailable?: (error: unknown) => boolean;
  /** Routes that everybody asks for at once. */
  shortRoutes?: ShortRoute[];
  /** Called before the application starts, to connect a message transport; it listens once everything is there. */
  configure?: (app: INestApplication) => void | Promise<void>;
}

export interface HttpService {
  app: NestFastifyApplication;
  /** Where it listens, for example `http://127.0.0.1:8081`. */
  url: string;
  /** Stops in order: accepting, connections, running requests, then the modules' `onApplicationShutdown`. */
  stop(): Promise<void>;
}

/** The application, ready to `listen` or `inject`, with health, metrics and its API's documentation. */
export async function createHttpApp(options: HttpServiceOptions): Promise<NestFastifyApplication> {
  return (await prepare(options)).app;
}

async function prepare(options: HttpServiceOptions): Promise<Pick<Assembled, 'app' | 'server'>> {
  const { app, server, problems, observe } = await assemble(options);
  SwaggerModule.setup('docs', app, () => documentOf(app, options.name), { jsonDocumentUrl: 'docs-json' });
  await options.configure?.(app);
  await app.init();
  server.refuseForeignMethods();
  await server.fastify.ready();
  shortenRoutes(options.shortRoutes?.map((route) => ({ route, handler: route.handler(app) })) ?? [], {
    fastify: server.fastify,
    problemOf: (error) => problems.problemOf(error),
    observe,
    isStopping: () => server.isStopping,
  });
  await app.startAllMicroservices();
  return { app, server };
}

/** The service's API as an OpenAPI document. Nothing is started and no server is needed. */
export async function describeHttpApi(options: HttpServiceOptions): Promise<OpenAPIObject> {
  const { app } = await assemble(options);
  try {
    return documentOf(app, options.name);
  } finally {
    await app.close();
  }
}

/**
 * Listens, and stops on SIGTERM or SIGINT: no new connections, those that are open end by their next answer or a second
 * later, running requests finish, then the modules' `onApplicationShutdown`; after `stopTimeoutMs` the process ends with
 * exit code 1.
 *
 * @throws CannotListen naming the setting, when its address is taken, forbidden, or none of this machine
 */
export async function startHttpService(options: HttpServiceOptions): Promise<HttpService> {
  const { app, server } = await prepare(options);
  const { httpPort: port, httpHost: host } = options.config;
  try {
    await server.acceptSockets.open({ port, host }, (address) => app.listen(address));
  } catch (error) {
    await app.close();
    throw CannotListen.because(error, 'HOLDFAST_HTTP_PORT');
  }
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  const logger = new NestLogger(options.name);
  logger.log(`Listening on ${url}`);

  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= server.drain().then(() => app.close()));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void stopProcess(signal, stop, options.config.stopTimeoutMs, logger));
  }
  return { app, url, stop };
}

async function stopProcess(signal: string, stop: () => Promise<void>, timeoutMs: number, logger: NestLogger) {
  logger.log(`${signal}: stopping`);
  setTimeout(() => {
    logger.error(`Still busy after ${timeoutMs} ms, giving up`);
    process.exit(1);
  }, timeoutMs).unref();
  try {
    await stop();
    process.exit(0);
  } catch (error) {
    logger.error(error);
    process.exit(1);
  }
}

interface Assembled {
  app: NestFastifyApplication;
  server: HttpServer;
  problems: ProblemFilter;
  observe: ObserveRequest;
}

async function assemble(options: HttpServiceOptions): Promise<Assembled> {
  const { config, name } = options;
  const tokens = config instanceof HttpConfig ? new TokenVerifier(config) : undefined;
  const server = new HttpServer(config.trustedProxies, tokens);
  const metrics = new Metrics({ service: name, processMetrics: true });
  const problems = new ProblemFilter(options.isUnavailable ?? (() => false));
  const logger = createLogger({ service: name, level: config.logLevel });
  const module = EdgeModule.around({
    module: options.module,
    logger,
    metrics,
    tokens,
    problems,
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, server.adapter, {
    bufferLogs: true,
    bodyParser: false,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  followTraceparent(server.fastify);
  const observe = observeHttpRequests(server.fastify, metrics);
  logHttpRequests(server.fastify, logger);
  return { app, server, problems, observe };
}

/** What holds for every route, and is therefore not said at each. */
const ABOUT = `Refusals are \`application/problem+json\` (RFC 9457); their \`code\` is stable. Beside those listed, any route may
answer 400 (\`malformed-request\`, \`malformed-json\`), 404 (\`not-found\`), 405 (\`method-not-allowed\`),
413 (\`payload-too-large\`), 415 (\`unsupported-media-type\`), 500 (\`internal\`), and 503 with \`Retry-After\`
(\`overloaded\`, \`unavailable\`): then the same request with the same \`Idempotency-Key\` may be sent again. A
member of a body or a query that its route does not know is refused by \`validation-failed\`. Money is in minor
units. Times are the database's, in UTC; \`serverTime\` is the time of the answer, to count down from.`;

function documentOf(app: INestApplication, name: string): OpenAPIObject {
  const description = new DocumentBuilder()
    .setTitle(`Holdfast ${name}`)
    .setDescription(ABOUT.replaceAll('\n', ' '))
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
    .build();
  const document = SwaggerModule.createDocument(app, description);
  closeRequestBodies(document);
  return document;
}
