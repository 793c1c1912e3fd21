import type { INestApplication } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';

/**
 * Answers a request itself, or leaves it to the controller: everything out of the ordinary, so that what is refused
 * before the work begins is refused in one place.
 *
 * @returns whether it was answered. Not the reply: that is a thenable, which to wait for resolves to nothing
 */
export type ShortHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;

/**
 * Puts a handler before the controller of one hot route, on the Fastify instance: the way through guards, pipes and
 * interceptors costs as much again as the request itself. Route, documentation and refusals stay the controller's. Call
 * before the application starts. See docs/decisions/012-hot-route.md.
 *
 * @param url as Fastify knows it, for example `/v1/events/:eventId/holds`
 */
export function shortenRoute(app: INestApplication, method: HTTPMethods, url: string, short: ShortHandler): void {
  const fastify = app.getHttpAdapter().getInstance() as FastifyInstance;
  fastify.addHook('onRoute', (route) => {
    if (route.url !== url || route.method !== method) return;
    const { handler } = route;
    route.handler = async function (request, reply) {
      return (await short(request, reply)) ? reply : handler.call(this, request, reply);
    };
  });
}
