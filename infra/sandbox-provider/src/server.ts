import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CannotListen } from '@holdfast/config';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { Bookkeeper } from './bookkeeper';
import { Books } from './books';
import { parseForm } from './form';
import { newId } from './ids';
import type { SandboxConfig } from './sandbox-config';
import { addAuthentication, addSandboxRoutes } from './sandbox-routes';
import { Scripts } from './script';
import { Refusal } from './stripe-error';
import { addStripeRoutes } from './stripe-routes';
import { Webhooks } from './webhooks';

const BODY_MAX_BYTES = 64 * 1024;

/** A running sandbox provider. */
export interface Sandbox {
  url: string;
  books: Books;
  /** Requests that hang are cut off; webhooks that were not delivered are kept for the next start. */
  close(): Promise<void>;
}

/**
 * Starts a sandbox provider on `config.port` (0 takes a free one) with the books of `config.dataFolder`.
 *
 * @throws CannotListen naming the setting, when its address is taken, forbidden, or none of this machine
 */
export async function startSandbox(config: SandboxConfig): Promise<Sandbox> {
  const books = Books.open(config.dataFolder);
  const webhooks = new Webhooks(books, {
    url: config.webhookUrl ?? '',
    secret: config.webhookSecret,
    retryMs: config.webhookRetryMs,
    lateMs: config.lateMs,
  });
  const keeper = new Bookkeeper(books, new Scripts(), webhooks, config.refundMs);
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
  addAuthentication(server, keeper);
  // A scope of its own, so that the check of the secret key is on these routes alone.
  await server.register((api, _options, done) => {
    api.addHook('onRequest', async (request) => {
      checkSecretKey(request, config.secretKey);
      if (config.latencyMs > 0) await sleep(config.latencyMs);
    });
    addStripeRoutes(api, keeper, config.publicUrl);
    addSandboxRoutes(api, keeper, webhooks);
    done();
  });
  const close = async () => {
    keeper.close();
    await Promise.all([server.close(), webhooks.close()]);
  };
  try {
    const url = await server.listen({ host: config.host, port: config.port });
    keeper.resume();
    return { url, books, close };
  } catch (error) {
    await close();
    throw CannotListen.because(error, 'HOLDFAST_SANDBOX_PORT');
  }
}

function checkSecretKey(request: FastifyRequest, secretKey: string): void {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(hash(request.headers.authorization ?? ''), hash(`Bearer ${secretKey}`))) {
    throw new Refusal(401, { type: 'invalid_request_error', message: 'Invalid API Key provided.' });
  }
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
