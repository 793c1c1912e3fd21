import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Bookkeeper } from './bookkeeper';
import { answerChange, type Operation } from './changing-request';
import type { Form } from './form';
import { IdempotentRequests } from './idempotent-requests';
import { listPage } from './list';
import { cancelIntent, captureIntent, confirmIntent, createIntent, intentOf } from './payment-intents';
import type { Step } from './payment-methods';
import { createRefund, refundOf } from './refunds';
import { noSuch } from './stripe-error';

export interface WithId {
  Params: { id: string };
}

/** The subset of Stripe's interface. @param publicUrl of the page of 3-D Secure, should it not be the caller's own way */
export function addStripeRoutes(api: FastifyInstance, keeper: Bookkeeper, publicUrl: string | undefined): void {
  const { books } = keeper;
  const requests = new IdempotentRequests(books);
  const run = (step: Step, operation: Operation) =>
    async function handle(request: FastifyRequest, reply: FastifyReply) {
      await answerChange(keeper, requests, step, request, reply, operation);
      return reply;
    };
  const idOf = (request: FastifyRequest) => (request.params as WithId['Params']).id;
  const page = <T extends { id: string; created: number }>(request: FastifyRequest, objects: Iterable<T>) =>
    listPage(objects, request.query as Form, request.url.split('?')[0] as string);

  api.post(
    '/v1/payment_intents',
    run('create', (_request, form) => createIntent(form)),
  );
  api.get('/v1/payment_intents', (request) => page(request, books.intents.values()));
  api.get<WithId>('/v1/payment_intents/:id', (request) => intentOf(books, request.params.id));
  api.post(
    '/v1/payment_intents/:id/confirm',
    run('confirm', (request, form, script) =>
      confirmIntent(books, idOf(request), form, script.outcome, authenticateUrl(request, publicUrl)),
    ),
  );
  api.post(
    '/v1/payment_intents/:id/capture',
    run('capture', (request, form, script) => captureIntent(books, idOf(request), form, script.outcome)),
  );
  api.post(
    '/v1/payment_intents/:id/cancel',
    run('cancel', (request, form) => cancelIntent(books, idOf(request), form)),
  );

  api.get('/v1/charges', (request) => {
    const { payment_intent: intent } = request.query as Form;
    return page(request, matching(books.charges.values(), { payment_intent: intent }));
  });
  api.get<WithId>('/v1/charges/:id', (request) => {
    const charge = books.charges.get(request.params.id);
    if (!charge) throw noSuch('charge', request.params.id);
    return charge;
  });

  api.post(
    '/v1/refunds',
    run('refund', (_request, form, script) => createRefund(books, form, script.outcome)),
  );
  api.get('/v1/refunds', (request) => {
    const { payment_intent: intent, charge } = request.query as Form;
    return page(request, matching(books.refunds.values(), { payment_intent: intent, charge }));
  });
  api.get<WithId>('/v1/refunds/:id', (request) => refundOf(books, request.params.id));

  api.get('/v1/events', (request) => {
    const { type } = request.query as Form;
    return page(request, matching(books.events.values(), { type }));
  });
  api.get<WithId>('/v1/events/:id', (request) => {
    const event = books.events.get(request.params.id);
    if (!event) throw noSuch('event', request.params.id);
    return event;
  });
}

/** Those whose fields are as asked; a field that is not asked for does not matter. */
function matching<T extends object>(objects: Iterable<T>, fields: Partial<Record<keyof T, string | undefined>>): T[] {
  const asked = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [...objects].filter((object) => asked.every(([name, value]) => object[name as keyof T] === value));
}

function authenticateUrl(request: FastifyRequest, publicUrl: string | undefined): string {
  const path = request.url.replace('/v1/', '/sandbox/').replace('/confirm', '/authenticate');
  return `${publicUrl?.replace(/\/$/, '') ?? `${request.protocol}://${request.host}`}${path}`;
}
