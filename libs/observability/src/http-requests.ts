import type { FastifyInstance } from 'fastify';
import { REQUEST_SECONDS, type Metrics } from './metrics';

/**
 * Measures every request of a server as `holdfast_http_request_seconds` by method, route and status. The route is the
 * pattern, never the address: addresses carry ids and would make a series each.
 */
export function observeHttpRequests(server: Pick<FastifyInstance, 'addHook'>, metrics: Metrics): void {
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
}
