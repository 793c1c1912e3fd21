import type {
  WebhookAttemptListBody,
  WebhookEndpointBody,
  WebhookEndpointCreatedBody,
  WebhookEndpointListBody,
  WebhookSecretBody,
} from '@holdfast/contracts';
import { createHttpApp } from '@holdfast/http';
import { inventoryMigrations } from '@holdfast/inventory';
import { eventually, mintToken, testDatabase, type TestDatabase } from '@holdfast/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { v7 as newId } from 'uuid';
import { webhookMigrations } from './migrations';
import { SampleEvent } from './spec/ledger';
import { Receiver, verified } from './spec/receiver';
import { WebhookConfig } from './webhook-config';
import { webhookService } from './webhook-service';

const JWT_SECRET = 'a secret of at least thirty-two characters';
const WEBHOOK_KEY = 'a master key of at least thirty-two characters';

let db: TestDatabase;
let app: NestFastifyApplication;
let receiver: Receiver;
let event: SampleEvent;

const start = (changes: Partial<WebhookConfig> = {}) =>
  createHttpApp(
    webhookService(
      Object.assign(new WebhookConfig(), {
        jwtSecret: JWT_SECRET,
        logLevel: 'silent',
        postgresUrl: db.url,
        webhookKey: WEBHOOK_KEY,
        webhookAllowedNetworks: ['127.0.0.0/8'],
        webhookPollMs: 20,
        ...changes,
      }),
    ),
  );

beforeAll(async () => {
  db = await testDatabase([inventoryMigrations, webhookMigrations]);
  app = await start();
});
beforeEach(async () => {
  receiver = await Receiver.start();
  event = await SampleEvent.open(db.database);
});
afterEach(async () => {
  await db.database.query('DELETE FROM webhooks.endpoints');
  await receiver.stop();
});
afterAll(async () => {
  await app.close();
  await db.drop();
});

const WAITING_SQL = `
SELECT FROM pg_stat_activity
 WHERE application_name = 'webhook-service' AND datname = current_database() AND wait_event_type = 'Lock'`;

const bearer = async (subject: string, role = 'organiser') => `Bearer ${await mintToken(JWT_SECRET, subject, [role])}`;

interface Call {
  body?: unknown;
  key?: string | null;
  organiser?: string;
  role?: string;
  eventId?: string;
}

async function ask(method: 'GET' | 'POST' | 'DELETE', path: string, call: Call = {}) {
  const { body, key = method === 'POST' ? newId() : null, organiser = event.organiserId, role } = call;
  return app.inject({
    method,
    url: `/v1/events/${call.eventId ?? event.eventId}/webhook-endpoints${path}`,
    headers: { authorization: await bearer(organiser, role), ...(key !== null && { 'idempotency-key': key }) },
    ...(body !== undefined && { payload: body as object }),
  });
}

async function created(body: object = { url: receiver.url }, call: Call = {}): Promise<WebhookEndpointCreatedBody> {
  const answer = await ask('POST', '', { body, ...call });
  expect({ status: answer.statusCode, body: answer.json<object>() }).toMatchObject({ status: 201 });
  return answer.json();
}

const read = async (endpointId: string) => (await ask('GET', `/${endpointId}`)).json<WebhookEndpointBody>();

function expectProblem(answer: Awaited<ReturnType<typeof ask>>, status: number, code: string, members: object = {}) {
  expect({ status: answer.statusCode, body: answer.json<object>() }).toMatchObject({
    status,
    body: { code, ...members },
  });
}

describe('an endpoint', () => {
  it('is created with a secret that verifies what comes', async () => {
    const answer = await ask('POST', '', { body: { url: receiver.url } });
    const { endpointId, secret, ...rest } = answer.json<WebhookEndpointCreatedBody>();
    expect(answer.statusCode).toBe(201);
    expect(answer.headers['location']).toBe(`/v1/events/${event.eventId}/webhook-endpoints/${endpointId}`);
    expect(secret).toMatch(/^whsec_/);
    expect(rest).toMatchObject({ eventId: event.eventId, url: receiver.url, kinds: null });

    await event.grow(2);
    await eventually(() => receiver.received.length === 1);
    const [first] = receiver.received;
    expect(first && verified(secret, first).data.entries.map(({ seq }) => seq)).toEqual([1, 2]);
    await eventually(async () => (await read(endpointId)).deliveredSeq === 2);
    expect(await read(endpointId)).toMatchObject({ state: 'active', lastSeq: 2, failures: 0 });
  });

  it('hears only of what comes after it, and of the rest by a replay', async () => {
    await event.grow(3);
    const { endpointId } = await created();
    await event.grow(1);
    await eventually(() => receiver.received.length === 1);
    expect(receiver.seqs).toEqual([4]);
    const answer = await ask('POST', `/${endpointId}/replay`, { body: { fromSeq: 1 } });
    expect(answer.json()).toMatchObject({ endpointId, deliveredSeq: 0 });
    await eventually(() => receiver.received.length === 2);
    expect(receiver.seqs).toEqual([4, 1, 2, 3, 4]);
  });

  it('never shows its secret again', async () => {
    const { endpointId, secret } = await created();
    const texts = [(await ask('GET', '')).body, (await ask('GET', `/${endpointId}`)).body].join();
    expect(texts).toContain(endpointId);
    expect(texts).not.toContain(secret.slice('whsec_'.length));
    const stored = await db.database.query<{ row: string }>(
      `SELECT e::text AS row FROM webhooks.endpoints e UNION ALL SELECT k::text FROM webhooks.idempotency_keys k`,
    );
    expect(stored.map(({ row }) => row).join()).not.toContain(secret.slice('whsec_'.length));
  });

  it('can be listed, oldest first, and deleted', async () => {
    const [first, second] = [await created(), await created({ url: `${receiver.url}/2`, kinds: ['booked'] })];
    const list = (await ask('GET', '')).json<WebhookEndpointListBody>();
    expect(list.endpoints).toMatchObject([
      { endpointId: first.endpointId, kinds: null },
      { endpointId: second.endpointId, kinds: ['booked'] },
    ]);
    expect((await ask('DELETE', `/${first.endpointId}`)).statusCode).toBe(204);
    expectProblem(await ask('DELETE', `/${first.endpointId}`), 404, 'unknown-endpoint');
    expectProblem(await ask('GET', `/${first.endpointId}`), 404, 'unknown-endpoint');
    await event.grow(1);
    await eventually(async () => (await read(second.endpointId)).deliveredSeq === 1);
    expect(receiver.received).toEqual([]);
  });

  it('says what went wrong, and when it is tried again', async () => {
    receiver.react = () => 500;
    const { endpointId } = await created();
    await event.grow(1);
    await eventually(async () => (await read(endpointId)).failures === 1);
    const { lastFailure, nextTryAt, serverTime } = await read(endpointId);
    expect(lastFailure?.reason).toBe('answered 500');
    expect(Date.parse(nextTryAt ?? '')).toBeGreaterThan(Date.parse(serverTime));
    const { attempts } = (await ask('GET', `/${endpointId}/attempts`)).json<WebhookAttemptListBody>();
    expect(attempts).toMatchObject([{ outcome: 'refused', detail: 'answered 500', firstSeq: 1, lastSeq: 1 }]);
    expect(attempts[0]?.webhookId).toBe(receiver.ids[0]);

    receiver.react = () => 200;
    expect((await ask('POST', `/${endpointId}/enable`)).json()).toMatchObject({ state: 'active', failures: 0 });
    await eventually(async () => (await read(endpointId)).deliveredSeq === 1);
  });

  it('is paused and enabled', async () => {
    const { endpointId } = await created();
    expect((await ask('POST', `/${endpointId}/pause`)).json()).toMatchObject({ state: 'paused' });
    await event.grow(1);
    expect(await read(endpointId)).toMatchObject({ state: 'paused', deliveredSeq: 0, lastSeq: 1 });
    expect((await ask('POST', `/${endpointId}/enable`)).json()).toMatchObject({ state: 'active' });
    await eventually(() => receiver.received.length === 1);
  });

  it('that is gone says so', async () => {
    receiver.react = () => 410;
    const { endpointId } = await created();
    await event.grow(1);
    await eventually(async () => (await read(endpointId)).state === 'disabled');
    const gone = await read(endpointId);
    expect(gone).toMatchObject({ disabledReason: 'gone', lastFailure: { reason: 'answered 410' } });
    expect(gone.nextTryAt).toBeUndefined();
  });

  it('gets a new secret; the old one goes on signing', async () => {
    const { endpointId, secret } = await created();
    const rotated = (await ask('POST', `/${endpointId}/rotate-secret`)).json<WebhookSecretBody>();
    expect(rotated.secret).not.toBe(secret);
    expect(Date.parse(rotated.previousSignsUntil) - Date.parse(rotated.serverTime)).toBeGreaterThan(23 * 3_600_000);
    await event.grow(1);
    await eventually(() => receiver.received.length === 1);
    const [first] = receiver.received;
    for (const each of [secret, rotated.secret]) expect(first && verified(each, first)).toBeTruthy();
  });
});

describe('the same key again', () => {
  it('creates one endpoint, and shows the same secret, also after a rotation and all at once', async () => {
    const key = newId();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => ask('POST', '', { key, body: { url: receiver.url } })),
    );
    const bodies = answers.map((answer) => answer.json<WebhookEndpointCreatedBody>());
    expect(new Set(bodies.map(({ endpointId, secret }) => endpointId + secret)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(4);
    await ask('POST', `/${bodies[0]?.endpointId}/rotate-secret`);
    const again = (await ask('POST', '', { key, body: { url: receiver.url } })).json<WebhookEndpointCreatedBody>();
    expect({ ...again, serverTime: '' }).toEqual({ ...bodies[0], serverTime: '' });
    expect((await ask('GET', '')).json<WebhookEndpointListBody>().endpoints).toHaveLength(1);
  });

  it('with another body is refused', async () => {
    const key = newId();
    const { endpointId } = await created({ url: receiver.url }, { key });
    expectProblem(await ask('POST', '', { key, body: { url: `${receiver.url}/2` } }), 422, 'idempotency-key-reused');
    const rotate = newId();
    await ask('POST', `/${endpointId}/rotate-secret`, { key: rotate });
    const other = await created({ url: `${receiver.url}/3` });
    expectProblem(
      await ask('POST', `/${other.endpointId}/rotate-secret`, { key: rotate }),
      422,
      'idempotency-key-reused',
    );
  });

  it.each([
    ['rotate-secret', undefined],
    ['replay', { fromSeq: 1 }],
  ])('raced for two endpoints, %s, is of one of them', async (verb, body) => {
    const ids = [(await created()).endpointId, (await created()).endpointId];
    for (let round = 0; round < 10; round++) {
      const key = newId();
      const race = await db.database.transaction(async (tx) => {
        await tx.query('SELECT FROM webhooks.endpoints WHERE event_id = $1 FOR UPDATE', [event.eventId]);
        const asked = ids.map((endpointId) => ask('POST', `/${endpointId}/${verb}`, { key, body }));
        await eventually(async () => (await db.database.query(WAITING_SQL)).length === ids.length);
        return { answers: Promise.all(asked) };
      });
      const statuses = (await race.answers).map(({ statusCode }) => statusCode);
      expect(statuses.sort()).toEqual([200, 422]);
    }
  });

  it('rotates once', async () => {
    const { endpointId } = await created();
    const key = newId();
    const first = await ask('POST', `/${endpointId}/rotate-secret`, { key });
    const again = await ask('POST', `/${endpointId}/rotate-secret`, { key });
    expect(again.headers['idempotency-replayed']).toBe('true');
    const { serverTime: _, ...secret } = first.json<WebhookSecretBody>();
    expect(again.json()).toMatchObject(secret);
  });

  it('replays once', async () => {
    const { endpointId } = await created();
    await event.grow(1);
    await eventually(async () => (await read(endpointId)).deliveredSeq === 1);
    const key = newId();
    await ask('POST', `/${endpointId}/replay`, { key, body: { fromSeq: 1 } });
    await eventually(async () => (await read(endpointId)).deliveredSeq === 1);
    const again = await ask('POST', `/${endpointId}/replay`, { key, body: { fromSeq: 1 } });
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.json()).toMatchObject({ deliveredSeq: 1 });
    expectProblem(
      await ask('POST', `/${endpointId}/replay`, { key, body: { fromSeq: 2 } }),
      422,
      'idempotency-key-reused',
    );
  });

  it('of an endpoint that was deleted makes no other', async () => {
    const key = newId();
    const { endpointId } = await created({ url: receiver.url }, { key });
    await ask('DELETE', `/${endpointId}`);
    expectProblem(await ask('POST', '', { key, body: { url: receiver.url } }), 404, 'unknown-endpoint');
  });
});

describe('what is refused', () => {
  const paths: ['GET' | 'POST' | 'DELETE', string, object | undefined][] = [
    ['POST', '', { url: 'https://93.184.216.34/' }],
    ['GET', '', undefined],
    ['GET', '/ID', undefined],
    ['GET', '/ID/attempts', undefined],
    ['DELETE', '/ID', undefined],
    ['POST', '/ID/replay', { fromSeq: 1 }],
    ['POST', '/ID/rotate-secret', undefined],
    ['POST', '/ID/pause', undefined],
    ['POST', '/ID/enable', undefined],
  ];

  it.each(paths)(
    '%s %s by another organiser, a buyer, or for an event that is not there',
    async (method, path, body) => {
      const { endpointId } = await created();
      const at = path.replace('ID', endpointId);
      const before = await read(endpointId);
      expectProblem(await ask(method, at, { body, organiser: 'somebody else' }), 404, 'unknown-event');
      expectProblem(await ask(method, at, { body, eventId: newId() }), 404, 'unknown-event');
      expectProblem(await ask(method, at, { body, eventId: 'no-uuid' }), 404, 'unknown-event');
      expectProblem(await ask(method, at, { body, role: 'buyer' }), 403, 'forbidden');
      expect({ ...(await read(endpointId)), serverTime: '' }).toEqual({ ...before, serverTime: '' });
      if (!path) return;
      // Somebody else's endpoint under an event of one's own.
      const own = await SampleEvent.open(db.database);
      expectProblem(await ask(method, at, { body, eventId: own.eventId }), 404, 'unknown-endpoint');
      expectProblem(await ask(method, path, { body }), 404, 'unknown-endpoint');
    },
  );

  it.each([
    ['without a body', undefined, ''],
    ['a member that is not known', { url: 'https://93.184.216.34/', kind: ['booked'] }, 'kind'],
    ['no url', {}, 'url'],
    ['a number', { url: 5 }, 'url'],
    ['too long', { url: `https://93.184.216.34/${'x'.repeat(2_000)}` }, 'url'],
    ['no address', { url: 'hooks' }, 'url'],
    ['plain http in public', { url: 'http://93.184.216.34/' }, 'url'],
    ['a private address', { url: 'https://10.0.0.1/' }, 'url'],
    ['the metadata of a cloud', { url: 'http://169.254.169.254/latest/meta-data' }, 'url'],
    ['credentials', { url: 'https://me:secret@93.184.216.34/' }, 'url'],
    ['a null character', { url: 'https://93.184.216.34/\u0000' }, 'url'],
    ['a line break', { url: 'https://93.184.216.34/\r\nx: y' }, 'url'],
    ['a name that leads nowhere', { url: 'https://hooks.invalid/' }, 'url'],
    ['no kinds', { url: 'https://93.184.216.34/', kinds: [] }, 'kinds'],
    ['an unknown kind', { url: 'https://93.184.216.34/', kinds: ['stolen'] }, 'kinds'],
    ['a kind twice', { url: 'https://93.184.216.34/', kinds: ['held', 'held'] }, 'kinds'],
    ['kinds that are no list', { url: 'https://93.184.216.34/', kinds: 'held' }, 'kinds'],
  ])('to create: %s', async (_what, body, path) => {
    expectProblem(await ask('POST', '', { body }), 422, 'validation-failed', {
      errors: expect.arrayContaining([expect.objectContaining({ path })]) as unknown,
    });
    expect((await ask('GET', '')).json<WebhookEndpointListBody>().endpoints).toEqual([]);
  });

  it.each([{}, { fromSeq: 0 }, { fromSeq: -1 }, { fromSeq: 1.5 }, { fromSeq: '1' }, { fromSeq: null }])(
    'to replay: %j',
    async (body) => {
      const { endpointId } = await created();
      expectProblem(await ask('POST', `/${endpointId}/replay`, { body }), 422, 'validation-failed');
    },
  );

  it('to replay what there is not yet', async () => {
    const { endpointId } = await created();
    await event.grow(2);
    expectProblem(await ask('POST', `/${endpointId}/replay`, { body: { fromSeq: 4 } }), 422, 'unknown-seq', {
      lastSeq: 2,
    });
    expect((await ask('POST', `/${endpointId}/replay`, { body: { fromSeq: 3 } })).statusCode).toBe(200);
  });

  it.each(['', '/ID/replay', '/ID/rotate-secret', '/ID/pause', '/ID/enable'])('POST %s without a key', async (path) => {
    const { endpointId } = await created();
    const body = { url: receiver.url, fromSeq: 1 };
    expectProblem(
      await ask('POST', path.replace('ID', endpointId), { body, key: null }),
      400,
      'idempotency-key-required',
    );
  });

  it('an eleventh endpoint, also when many come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 15 }, (_, nth) => ask('POST', '', { body: { url: `${receiver.url}/${nth}` } })),
    );
    expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(10);
    const refused = answers.filter(({ statusCode }) => statusCode !== 201);
    for (const answer of refused) expectProblem(answer, 409, 'endpoint-limit', { limit: 10 });
    const [one] = (await ask('GET', '')).json<WebhookEndpointListBody>().endpoints;
    await ask('DELETE', `/${one?.endpointId}`);
    await created();
  });
});

it('tells its figures', async () => {
  receiver.react = () => 500;
  const { endpointId } = await created();
  await event.grow(1);
  await eventually(async () => (await read(endpointId)).failures === 1);
  const fresh = await start();
  await eventually(async () =>
    /webhook_endpoints{[^}]*state="active"[^}]*} 1/.test((await fresh.inject('/metrics')).body),
  );
  const { body } = await fresh.inject('/metrics');
  expect(Number(/holdfast_webhook_lag_seconds{[^}]*} (.+)/.exec(body)?.[1])).toBeGreaterThan(0);
  expect((await app.inject('/metrics')).body).toMatch(
    /holdfast_webhook_deliveries_total{[^}]*outcome="refused"[^}]*} \d/,
  );
  await fresh.close();
});
