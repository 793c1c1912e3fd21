import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { envNames } from '@holdfast/config';
import { createHttpApp } from '@holdfast/http';
import { inventoryMigrations } from '@holdfast/inventory';
import { mintToken, testDatabase, testRedisPrefix, testServers, testVhost, type TestDatabase } from '@holdfast/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { v4 as randomId } from 'uuid';
import { holdService } from '../hold-service';
import { HoldServiceConfig } from '../hold-service-config';

const SECRET = 'the secret of the tests, long enough for HS256';
/** An id that nothing has. */
export const UNKNOWN = '0198c0de-0000-7000-8000-000000000000';
const FIXTURES = join(__dirname, '..', '..', 'fixtures');

export type Body = Record<string, unknown>;

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: Body;
}

export interface Ask {
  body?: unknown;
  /** Idempotency-Key; a fresh one for a POST unless given. `null`: none. */
  key?: string | null;
  headers?: Record<string, string>;
}

/** The service in this process, on real servers, and callers with tokens. */
export interface ServiceUnderTest {
  app: NestFastifyApplication;
  database: TestDatabase;
  config: HoldServiceConfig;
  /** A caller: `const ann = await service.caller('ann', 'buyer'); await ann('POST', '/v1/...', { body })`. */
  caller(id: string, ...roles: string[]): Promise<Caller>;
  close(): Promise<void>;
}

export type Caller = (method: 'GET' | 'POST' | 'DELETE' | 'PUT', url: string, ask?: Ask) => Promise<Answer>;

export async function serviceUnderTest(overrides: Partial<HoldServiceConfig> = {}): Promise<ServiceUnderTest> {
  const database = await testDatabase([inventoryMigrations]);
  const vhost = await testVhost();
  const config = Object.assign(new HoldServiceConfig(), {
    jwtSecret: SECRET,
    logLevel: 'silent',
    postgresUrl: database.url,
    redisUrl: testServers().redisUrl,
    redisKeyPrefix: testRedisPrefix(),
    rabbitmqUrl: vhost.url,
    ...overrides,
  });
  const app = await createHttpApp(holdService(config));
  await app.listen(0, '127.0.0.1');
  const origin = await app.getUrl();
  return {
    app,
    database,
    config,
    caller: async (id, ...roles) => callerOver(origin, await token(id, roles)),
    close: async () => {
      await app.close();
      await database.drop();
      await vhost.drop();
    },
  };
}

export const token = (id: string, roles: string[], expiresIn?: string): Promise<string> =>
  mintToken(SECRET, id, roles, expiresIn);

/** A caller of the application in this process, past its server: no request takes the short way. */
export function callerWith(app: NestFastifyApplication, bearer: string | undefined): Caller {
  return async (method, url, ask = {}) => {
    const { headers, payload } = requestOf(bearer, method, ask);
    const response = await app.inject({ method, url, headers, payload });
    return { status: response.statusCode, headers: response.headers, body: bodyOf(response.body) };
  };
}

/** A caller of a service by HTTP. */
export function callerOver(origin: string, bearer: string): Caller {
  return async (method, url, ask = {}) => {
    const { headers, payload } = requestOf(bearer, method, ask);
    const response = await fetch(`${origin}${url}`, { method, headers, body: payload });
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: bodyOf(await response.text()),
    };
  };
}

function requestOf(bearer: string | undefined, method: string, { body, key, headers }: Ask) {
  const idempotencyKey = key === undefined && method === 'POST' ? randomId() : key;
  return {
    headers: {
      ...(bearer && { authorization: `Bearer ${bearer}` }),
      ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    payload: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  };
}

function bodyOf(text: string): Body {
  return text.startsWith('{') ? (JSON.parse(text) as Body) : {};
}

/** The environment that gives a process of its own these settings; it chooses its port itself. */
export function settingsAsEnv(config: HoldServiceConfig): Record<string, string> {
  const settings = config as unknown as Record<string, unknown>;
  const given = [...envNames(HoldServiceConfig)].filter(
    ([property]) => settings[property] !== undefined && property !== 'httpPort',
  );
  return Object.fromEntries(given.map(([property, variable]) => [variable, String(settings[property])]));
}

export function plan(name: 'little-theatre' | 'dinner-club'): Body {
  return JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as Body;
}

/** The body of a request for an event on the little theatre's plan. */
export function theatre(sale: Body = {}, changes: Body = {}): Body {
  return {
    name: 'Hamlet',
    currency: 'EUR',
    plan: plan('little-theatre'),
    prices: { Stalls: 4_500, Balcony: 3_000 },
    sale,
    ...changes,
  };
}

/** Creates an event on the little theatre's plan and returns its id. */
export async function openSale(organiser: Caller, sale: Body = {}): Promise<string> {
  const { status, body } = await organiser('POST', '/v1/events', { body: theatre(sale) });
  if (status !== 201) throw new Error(`no event: ${JSON.stringify(body)}`);
  return String(body.eventId);
}

/** Moves a hold's deadline into the past, and its seats' with it, as time itself would. */
export async function runOut(database: TestDatabase, eventId: string, holdId: unknown): Promise<void> {
  await database.database.query(
    `UPDATE inventory.holds SET deadline = clock_timestamp() - interval '1 second' WHERE event_id = $1 AND hold_id = $2`,
    [eventId, holdId],
  );
  await database.database.query(
    `UPDATE inventory.seats SET deadline = clock_timestamp() - interval '1 second' WHERE event_id = $1 AND hold_id = $2`,
    [eventId, holdId],
  );
}
