import type { INestApplication } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * Answers a request itself, or leaves it to the controller: everything out of the ordinary, so that what is refused
 * before the work begins is refused in one place.
 *
 * @returns whether it was answered. Not the reply: that is a thenable, which to wait for resolves to nothing
 */
export type ShortHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;

/** A hot route, and what answers its ordinary requests. */
export interface ShortRoute {
  method: 'POST';
  /** As Fastify knows it, for example `/v1/events/:eventId/holds`. */
  url: string;
  /** Called once, when the application's parts are there. */
  handler: (app: INestApplication) => ShortHandler;
}

/**
 * Puts a handler before the controller of one hot route, on the Fastify instance: the way through guards, pipes and
 * interceptors costs as much again as the request itself. Route, documentation and refusals stay the controller's. Call
 * before the application starts. See docs/decisions/012-hot-route.md.
 */
export function shortenRoute(app: INestApplication, { method, url, handler }: ShortRoute): void {
  const fastify = app.getHttpAdapter().getInstance() as FastifyInstance;
  const short = handler(app);
  fastify.addHook('onRoute', (route) => {
    if (route.url !== url || route.method !== method) return;
    const controller = route.handler;
    // A timer and an AbortController for each request were a fifteenth of it; every wait behind this route has its bound.
    route.handlerTimeout = undefined;
    route.handler = async function (request, reply) {
      return (await short(request, reply)) ? reply : controller.call(this, request, reply);
    };
  });
}
