import { openBroker } from '@holdfast/broker';
import { loadConfig } from '@holdfast/config';
import { Connections, HoldServiceConfig, holdService, HoldTaking, shortHoldRoute } from '@holdfast/hold-service';
import { Problem, problem, startHttpService, TokenVerifier } from '@holdfast/http';
import { hold, only, Overloaded, type HoldOutcome, type HoldRequest } from '@holdfast/inventory';
import { openDatabase, type Database } from '@holdfast/postgres';
import type { INestApplication } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DATABASE_VARIANTS, takeByStatement } from './database-refusals';
import { NaiveHolds } from './naive';

/*
 * The hold-service in a process of its own, with routes beside the product's for what it is compared with: the same
 * server, the same body parsing, the same check of tokens.
 */

const NAME = 'bench-service';
const CONNECTIONS_MAX = 64;

interface SeatRequest {
  Params: { eventId: string };
  Body: { seats?: string[] };
}

async function addRoutes(app: INestApplication, config: HoldServiceConfig): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance() as FastifyInstance;
  const tokens = new TokenVerifier(config);
  const database = openDatabase({
    url: config.postgresUrl,
    applicationName: NAME,
    connectionsMax: CONNECTIONS_MAX,
  });
  const broker = openBroker({ url: config.rabbitmqUrl, name: NAME });
  const naive = await NaiveHolds.open(database, broker);
  fastify.addHook('onClose', async () => {
    await broker.close();
    await database.close();
  });

  fastify.post('/v1/bench/bare', async (request, reply) => {
    await tokens.verify(request.headers.authorization);
    return reply.send({});
  });

  const parts = app.get(Connections, { strict: false });
  const direct = new HoldTaking({ ...parts.holdPath, committer: { hold: holdAlone(parts.database) } });
  const directRoute = shortHoldRoute(direct, tokens);
  fastify.post<SeatRequest>('/v1/bench/direct/:eventId', async ({ params, headers, body }, reply) => {
    const answer = await directRoute({ params: [params.eventId], headers, body });
    if (!answer || answer instanceof Problem) throw answer ?? problem('malformed-request');
    return reply
      .status(answer.status)
      .headers(answer.headers ?? {})
      .send(answer.body);
  });

  const naiveHold = async (request: FastifyRequest<SeatRequest>) => {
    const { id } = await tokens.verify(request.headers.authorization);
    const { eventId } = request.params;
    const [seatId = ''] = request.body.seats ?? [];
    const key = String(request.headers['idempotency-key']);
    if (!(await naive.hold({ eventId, seatId, buyerId: id, key }))) throw problem('seats-taken');
    return { eventId, seats: [{ seatId }] };
  };
  fastify.post<SeatRequest>('/v1/bench/naive/:eventId', async (request, reply) =>
    reply.status(201).send(await naiveHold(request)),
  );

  for (const variant of DATABASE_VARIANTS) {
    fastify.post<SeatRequest>(`/v1/bench/${variant}/:eventId`, async (request, reply) => {
      await tokens.verify(request.headers.authorization);
      const [seatId = ''] = request.body.seats ?? [];
      if (!(await takeByStatement(database, variant, request.params.eventId, seatId))) throw problem('seats-taken');
      return reply.status(201).send({ seats: [{ seatId }] });
    });
  }
}

/** The product's write without group commit: a statement for each request. */
function holdAlone(database: Database) {
  return async (eventId: string, request: HoldRequest): Promise<HoldOutcome> => {
    const outcome = only(await hold(database, eventId, [request]));
    if (outcome.outcome === 'conflict') throw new Overloaded();
    return outcome;
  };
}

async function main(): Promise<void> {
  const config = loadConfig(HoldServiceConfig);
  const product = holdService(config);
  await startHttpService({
    ...product,
    configure: async (app) => {
      await product.configure?.(app);
      await addRoutes(app, config);
    },
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
