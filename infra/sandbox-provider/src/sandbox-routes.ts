import type { FastifyInstance } from 'fastify';
import type { Bookkeeper } from './bookkeeper';
import type { Form } from './form';
import { authenticateIntent, intentOf } from './payment-intents';
import { refundOf } from './refunds';
import type { Where } from './script';
import type { WithId } from './stripe-routes';
import type { Webhooks } from './webhooks';

/** What Stripe does not have: the books as a whole, faults to order, webhooks as they went. */
export function addSandboxRoutes(api: FastifyInstance, keeper: Bookkeeper, webhooks: Webhooks): void {
  const { books, scripts } = keeper;
  api.get('/sandbox/books', () => ({
    intents: [...books.intents.values()],
    charges: [...books.charges.values()],
    refunds: [...books.refunds.values()],
    totals: books.totals(),
    undelivered: books.undelivered.size,
  }));

  api.post<{ Body: { as?: string; where?: Where } }>('/sandbox/faults', (request) => scripts.plan(request.body ?? {}));
  api.get('/sandbox/faults', () => scripts.list());
  api.delete('/sandbox/faults', (_request, reply) => {
    scripts.forget();
    return reply.code(204).send();
  });
  api.delete<WithId>('/sandbox/faults/:id', (request, reply) => {
    scripts.forget(request.params.id);
    return reply.code(204).send();
  });

  api.get('/sandbox/webhooks', () => webhooks.deliveries);

  api.post<WithId>('/sandbox/refunds/:id/end', (request) => {
    refundOf(books, request.params.id);
    return keeper.end(request.params.id);
  });
}

/** 3-D Secure, as the payer's browser sees it: a page with two buttons. It needs no secret key: the payer has none. */
export function addAuthentication(server: FastifyInstance, keeper: Bookkeeper): void {
  server.get<WithId>('/sandbox/payment_intents/:id/authenticate', (request, reply) => {
    const { id } = intentOf(keeper.books, request.params.id);
    const button = (outcome: string, label: string) => `<button name="outcome" value="${outcome}">${label}</button>`;
    return reply
      .type('text/html')
      .send(`<form method="post"><p>${id}</p>${button('succeeded', 'Authorise')}${button('failed', 'Fail')}</form>`);
  });
  server.post<WithId>('/sandbox/payment_intents/:id/authenticate', (request) => {
    const outcome = authenticateIntent(keeper.books, request.params.id, request.body as Form);
    keeper.record(outcome.change);
    return outcome.body;
  });
}
