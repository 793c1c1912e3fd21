import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { REQUEST_SECONDS, type Metrics } from './metrics';
import { requestIdOf } from './request-id';

/** Called every few seconds by probes: logging them hides what matters. */
const QUIET_PATHS = /^\/(health|metrics)\b/;
const UNAVAILABLE = 503;

/** Takes note of an answered request. @param seconds from its arrival to its answer */
export type ObserveRequest = (request: { method: string; route: string; status: number }, seconds: number) => void;

/**
 * Measures every request of a server as `holdfast_http_request_seconds` by method, route and status. The route is the
 * pattern, never the address: addresses carry ids and would make a series each.
 *
 * @returns for requests that are answered without the server's hooks
 */
export function observeHttpRequests(server: Pick<FastifyInstance, 'addHook'>, metrics: Metrics): ObserveRequest {
  const duration = metrics.seconds(
    'http_request',
    'Time from the arrival of a request to its answer',
    REQUEST_SECONDS,
    ['method', 'route', 'status'],
  );
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
    done();
  });
  return (request, seconds) => duration.observe(request, seconds);
}

/**
 * Writes a line for each request of a server: `error` for a fault of ours, else `debug`. Expected refusals are the daily
 * work of a sale, and why a server was away says the line of whoever found it away. A hook, not a middleware: the engine
 * that runs those, and a logger for each request, took a quarter of a hold's CPU time.
 */
export function logHttpRequests(server: Pick<FastifyInstance, 'addHook'>, logger: Logger): void {
  server.addHook('onResponse', (request, reply, done) => {
    const { statusCode } = reply;
    const level = statusCode >= 500 && statusCode !== UNAVAILABLE ? 'error' : 'debug';
    if (logger.isLevelEnabled(level) && !QUIET_PATHS.test(request.url)) {
      // Headers stay out: they carry credentials, and the id leads to the gateway's own log.
      const req = { method: request.method, url: request.url };
      const responseTime = Math.round(reply.elapsedTime);
      logger[level]({ requestId: requestIdOf(request), req, res: { statusCode }, responseTime }, 'request completed');
    }
    done();
  });
}
