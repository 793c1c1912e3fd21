import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Books } from './books';
import { parseForm, type Form } from './form';
import { fingerprintOf, IdempotentRequests } from './idempotent-requests';
import { listPage } from './list';
import {
  authenticateIntent,
  cancelIntent,
  captureIntent,
  confirmIntent,
  createIntent,
  intentOf,
  newId,
  type Outcome,
} from './payment-intents';
import { paymentMethodOf, type Step } from './payment-methods';
import { createRefund, refundOf } from './refunds';
import type { SandboxConfig } from './sandbox-config';
import { INTERNAL_ERROR, Refusal } from './stripe-error';

/** How long a request that is meant to hang does so, should its client have no time-out. */
const HANG_MAX_MS = 120_000;
const BODY_MAX_BYTES = 64 * 1024;

interface WithId {
  Params: { id: string };
}

/** A running sandbox provider. */
export interface Sandbox {
  url: string;
  books: Books;
  /** Requests that hang are cut off. */
  close(): Promise<void>;
}

/** Starts a sandbox provider on `config.port` (0 takes a free one) with the books of `config.dataFolder`. */
export async function startSandbox(config: SandboxConfig): Promise<Sandbox> {
  const books = Books.open(config.dataFolder);
  const server = Fastify({ forceCloseConnections: true, bodyLimit: BODY_MAX_BYTES });
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, parseForm(String(body))),
  );
  server.setErrorHandler(answerError);
  server.setNotFoundHandler((request, reply) => {
    const error = {
      type: 'invalid_request_error',
      message: `Unrecognized request URL (${request.method}: ${request.url}).`,
    };
    return reply.code(404).send({ error });
  });
  server.addHook('onRequest', async (_request, reply) => void reply.header('request-id', newId('req')));
  server.get('/health/live', () => ({ status: 'ok' }));
  server.get('/health/ready', () => ({ status: 'ok' }));
  addAuthentication(server, books);
  // A scope of its own, so that the check of the secret key is on these routes alone.
  await server.register((api, _options, done) => {
    addApi(api, books, config);
    done();
  });
  const url = await server.listen({ host: config.host, port: config.port });
  return { url, books, close: () => server.close() };
}

/** The subset of Stripe's interface, and the books. All of it needs the secret key. */
function addApi(api: FastifyInstance, books: Books, config: SandboxConfig): void {
  const requests = new IdempotentRequests(books);
  api.addHook('onRequest', async (request) => {
    checkSecretKey(request, config.secretKey);
    if (config.latencyMs > 0) await sleep(config.latencyMs);
  });
  const run = (step: Step | undefined, operation: (request: FastifyRequest, form: Form) => Outcome) =>
    async function handle(request: FastifyRequest, reply: FastifyReply) {
      await answerPost(books, requests, step, request, reply, operation);
      return reply;
    };
  const idOf = (request: FastifyRequest) => (request.params as WithId['Params']).id;

  api.post(
    '/v1/payment_intents',
    run('create', (_request, form) => createIntent(books, form)),
  );
  api.get('/v1/payment_intents', (request) =>
    listPage(books.intents.values(), request.query as Form, '/v1/payment_intents'),
  );
  api.get<WithId>('/v1/payment_intents/:id', (request) => intentOf(books, request.params.id));
  api.post(
    '/v1/payment_intents/:id/confirm',
    run('confirm', (request, form) => confirmIntent(books, idOf(request), form, authenticateUrl(request))),
  );
  api.post(
    '/v1/payment_intents/:id/capture',
    run('capture', (request, form) => captureIntent(books, idOf(request), form)),
  );
  api.post(
    '/v1/payment_intents/:id/cancel',
    run('cancel', (request, form) => cancelIntent(books, idOf(request), form)),
  );
  api.post(
    '/v1/refunds',
    run(undefined, (_request, form) => createRefund(books, form)),
  );
  api.get('/v1/refunds', (request) => {
    const query = request.query as Form;
    const refunds = [...books.refunds.values()].filter(
      (refund) =>
        (!query.payment_intent || refund.payment_intent === query.payment_intent) &&
        (!query.charge || refund.charge === query.charge),
    );
    return listPage(refunds, query, '/v1/refunds');
  });
  api.get<WithId>('/v1/refunds/:id', (request) => refundOf(books, request.params.id));
  api.get('/sandbox/books', () => ({
    intents: [...books.intents.values()],
    charges: [...books.charges.values()],
    refunds: [...books.refunds.values()],
    totals: books.totals(),
  }));
}

/** 3-D Secure, as the payer's browser sees it: a page with two buttons. It needs no secret key: the payer has none. */
function addAuthentication(server: FastifyInstance, books: Books): void {
  server.get<WithId>('/sandbox/payment_intents/:id/authenticate', (request, reply) => {
    const { id } = intentOf(books, request.params.id);
    const button = (outcome: string, label: string) => `<button name="outcome" value="${outcome}">${label}</button>`;
    return reply
      .type('text/html')
      .send(`<form method="post"><p>${id}</p>${button('succeeded', 'Authorise')}${button('failed', 'Fail')}</form>`);
  });
  server.post<WithId>('/sandbox/payment_intents/:id/authenticate', (request) => {
    const outcome = authenticateIntent(books, request.params.id, request.body as Form);
    books.record(outcome.change);
    return outcome.body;
  });
}

/** Runs one changing request: replay by key, then the payment method's fault for this step, then the operation itself. */
async function answerPost(
  books: Books,
  requests: IdempotentRequests,
  step: Step | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
  operation: (request: FastifyRequest, form: Form) => Outcome,
): Promise<void> {
  const form = (request.body ?? {}) as Form;
  const path = request.url.split('?')[0] as string;
  const fingerprint = fingerprintOf(path, form);
  const key = request.headers['idempotency-key'] as string | undefined;
  const stored = requests.begin(key, fingerprint);
  if (stored) {
    void reply.code(stored.status).header('idempotent-replayed', 'true').send(stored.body);
    return;
  }
  try {
    const { id } = request.params as { id?: string };
    const intent = id ? books.intents.get(id) : undefined;
    const method = paymentMethodOf(form.payment_method ?? intent?.payment_method ?? '');
    if (method?.kind === 'slow' && method.step === step) await sleep(method.delayMs);
    const firing = `${step}:${id ?? fingerprint}`;
    const fault =
      method?.kind === 'faulty' && method.step === step && !books.fired.has(firing) ? method.fault : undefined;
    const fired = fault && firing;
    if (fault === 'timeout_before') {
      books.record({ fired });
      return hang(reply);
    }
    if (fault === '500_before') {
      requests.store(key, fingerprint, { fired }, 500, { error: INTERNAL_ERROR });
      void reply.code(500).send({ error: INTERNAL_ERROR });
      return;
    }
    const { status, body, change } = outcomeOf(() => operation(request, form));
    const answer = fault === '500_after' ? { status: 500, body: { error: INTERNAL_ERROR } } : { status, body };
    requests.store(key, fingerprint, { ...change, fired }, answer.status, answer.body);
    if (fault === 'timeout_after') return hang(reply);
    void reply.code(answer.status).send(answer.body);
  } finally {
    requests.end(key);
  }
}

/** A refusal of the operation is an answer like any other: it is stored under its key. */
function outcomeOf(operation: () => Outcome): Outcome {
  try {
    return operation();
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: { error: error.error }, change: {} };
    throw error;
  }
}

function hang(reply: FastifyReply): void {
  reply.hijack();
  const timer = setTimeout(() => reply.raw.destroy(), HANG_MAX_MS);
  reply.raw.on('close', () => clearTimeout(timer));
}

function checkSecretKey(request: FastifyRequest, secretKey: string): void {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(hash(request.headers.authorization ?? ''), hash(`Bearer ${secretKey}`))) {
    throw new Refusal(401, { type: 'invalid_request_error', message: 'Invalid API Key provided.' });
  }
}

function authenticateUrl(request: FastifyRequest): string {
  return `${request.protocol}://${request.host}${request.url.replace('/v1/', '/sandbox/').replace('/confirm', '/authenticate')}`;
}

function answerError(
  error: Error & { statusCode?: number },
  _request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof Refusal) return reply.code(error.status).send({ error: error.error });
  const status = error.statusCode ?? 500;
  return reply
    .code(status)
    .send({ error: { type: status < 500 ? 'invalid_request_error' : 'api_error', message: error.message } });
}
