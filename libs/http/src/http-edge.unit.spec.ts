import { Body, Controller, Delete, Get, HttpCode, Module, Post, Query, Req, Res } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiProperty, type OpenAPIObject } from '@nestjs/swagger';
import { Each } from '@holdfast/contracts';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Min, ValidateNested } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SignJWT } from 'jose';
import { Caller, Roles } from './bearer.guard';
import { HttpConfig } from './http-config';
import { LargeBody } from './http-server';
import { createHttpApp } from './http-service';
import { IdempotencyKey, markReplayed } from './idempotency-key';
import { problem } from './problems';
import { Readiness } from './readiness';
import type { Identity } from './token-verifier';

class Sale {
  @ApiProperty()
  @IsInt()
  @Min(1)
  holdSeconds!: number;
}

class Order {
  @ApiProperty({ type: [String] })
  @Each((seat) => typeof seat === 'string' && seat.length > 0, 'must be text')
  seats!: string[];

  @ApiProperty({ description: 'How it is sold' })
  @ValidateNested()
  @Type(() => Sale)
  sale!: Sale;
}

class OrderQuery {
  @IsOptional()
  @IsString()
  dryRun?: string;
}

class ServerAway extends Error {}

const LARGE_BODY_BYTES = 512 * 1024;
const LARGE_BODIES_IN_HAND = { max: 1_280 * 1024, perCallerMax: 768 * 1024 };

let atWork = () => {};
let mayAnswer = Promise.resolve();

@Controller('v1/things')
class ThingController {
  @Get('fault')
  fault(): never {
    throw new Error('password=hunter2');
  }

  @Get('away')
  away(): never {
    throw new ServerAway();
  }

  @Get('taken')
  taken(): never {
    throw problem('seats-taken', { seats: [{ seatId: 'A1' }] });
  }

  @Post()
  @Roles('buyer')
  order(
    @Caller() caller: Identity,
    @IdempotencyKey() key: string,
    @Body() order: Order,
    @Query() _how: OrderQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): unknown {
    markReplayed(reply, key === 'again');
    return { caller, key, order };
  }

  @Post('large')
  @Roles('organiser')
  @LargeBody({ bytesMax: LARGE_BODY_BYTES, bytesInHand: LARGE_BODIES_IN_HAND, role: 'organiser' })
  async large(@Body() bytes: unknown): Promise<string> {
    atWork();
    await mayAnswer;
    return Buffer.isBuffer(bytes) ? 'taken in' : 'parsed';
  }

  @Get('caller')
  address(@Req() { ip }: FastifyRequest): { ip: string } {
    return { ip };
  }

  @Delete(':id')
  @HttpCode(204)
  remove(): void {}
}

@Module({ controllers: [ThingController] })
class ThingModule {}

const SECRET = 'a secret of at least thirty-two characters';
const token = (claims: object, secret = SECRET, expiresIn = '1m') =>
  new SignJWT({ sub: 'ann', roles: ['buyer'], ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(expiresIn)
    .sign(new TextEncoder().encode(secret));

describe('the HTTP edge', () => {
  let app: NestFastifyApplication;
  let buyer: string;

  beforeAll(async () => {
    const config = Object.assign(new HttpConfig(), { jwtSecret: SECRET, logLevel: 'silent' });
    const isUnavailable = (error: unknown) => error instanceof ServerAway;
    app = await createHttpApp({ name: 'things', module: ThingModule, config, isUnavailable });
    buyer = `Bearer ${await token({})}`;
  });

  afterAll(() => app.close());

  const good = { seats: ['A1'], sale: { holdSeconds: 5 } };
  const order = (payload: unknown, headers: Record<string, string> = {}, query = '') =>
    app.inject({
      method: 'POST',
      url: `/v1/things${query}`,
      headers: { authorization: buyer, 'idempotency-key': 'k', 'content-type': 'application/json', ...headers },
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });

  const expectProblem = (
    response: { statusCode: number; headers: object; json: () => unknown },
    status: number,
    code: string,
  ) => {
    expect(response.json()).toMatchObject({ code, status, type: `https://holdfast.dev/problems/${code}` });
    expect(response.statusCode).toBe(status);
    expect(response.headers).toMatchObject({ 'content-type': 'application/problem+json; charset=utf-8' });
  };

  it('hands the handler its caller, key and checked body', async () => {
    const response = await order(good);
    expect(response.statusCode).toBe(201);
    expect(response.json()).toEqual({ caller: { id: 'ann', roles: ['buyer'] }, key: 'k', order: good });
    expect(response.headers).not.toHaveProperty('idempotency-replayed');
  });

  it('marks a replay', async () => {
    expect((await order(good, { 'idempotency-key': 'again' })).headers['idempotency-replayed']).toBe('true');
  });

  describe('bodies', () => {
    it.each(['{', '{"seats":[}', 'seats=1', '{"__proto__":{}}'])('answers %s with malformed-json', async (body) =>
      expectProblem(await order(body), 400, 'malformed-json'),
    );

    it.each([['[]'], ['"text"'], ['5'], ['null'], ['']])(
      'answers %s, which is no object, with its fault',
      async (body) => {
        const response = await order(body);
        expectProblem(response, 422, 'validation-failed');
        expect(response.json()).toMatchObject({ errors: [{ path: '', message: 'the body must be a JSON object' }] });
      },
    );

    it.each([
      ['of the body', { ...good, seat: ['A2'] }, 'seat'],
      ['of a part of it', { ...good, sale: { holdSeconds: 5, holdSecond: 6 } }, 'sale.holdSecond'],
      ['of a query', good, 'dryrun', '?dryrun=1'],
      ['with the name of a method', { ...good, toString: 'x' }, 'toString'],
      ['with the name of a class', { ...good, constructor: 'x' }, 'constructor'],
      ['of a query with the name of a class', good, 'constructor', '?constructor=x'],
    ])('refuses and names a member %s that is not known', async (_, body, path, query = '') => {
      const response = await order(body, {}, query);
      expectProblem(response, 422, 'validation-failed');
      expect(response.json()).toMatchObject({
        errors: [{ path, message: expect.stringMatching(/should not exist/) as string }],
      });
    });

    it.each([
      ['the place of a list', { ...good, seats: { constructor: 'x' } }, 'seats.constructor'],
      ['a list', { ...good, seats: ['A1', { constructor: 'x' }] }, 'seats[1].constructor'],
      ['a part of the body', { ...good, sale: { holdSeconds: { constructor: {} } } }, 'sale.holdSeconds.constructor'],
    ])('makes no object of a class that an object in %s names', async (_, body, path) => {
      const response = await order(body);
      expectProblem(response, 422, 'validation-failed');
      expect(response.json<{ errors: { path: string }[] }>().errors[0]).toMatchObject({ path });
    });

    it('refuses a crowd of members as one fault, wherever they are', async () => {
      const crowd = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, i]));
      const tooMany = { errors: [{ path: '', message: 'more than 1000 members are named' }] };
      expect((await order({ ...good, ...crowd(1_000) })).json()).toMatchObject(tooMany);
      const seats = Array.from({ length: 1_000 }, () => crowd(1));
      expect((await order({ ...good, seats })).json()).toMatchObject(tooMany);
    });

    it('shows the beginning of a name that is as long as the body', async () => {
      const [fault] = (await order({ ...good, ['x'.repeat(1_000)]: 1 })).json<{ errors: object[] }>().errors;
      expect(fault).toEqual({
        path: `${'x'.repeat(500)}…`,
        message: expect.stringMatching(/^property x{491}…$/) as string,
      });
    });

    it('refuses what nests too deep, and takes brackets in texts', async () => {
      expectProblem(await order(`{"seats":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), 400, 'malformed-json');
      expect((await order({ ...good, seats: [`"${'[{'.repeat(50)}\\`] })).statusCode).toBe(201);
    });

    it('names the place of every fault', async () => {
      const response = await order({ seats: ['A1', 'A2', ''], sale: { holdSeconds: 0 } });
      expect(response.json<{ errors: unknown }>().errors).toEqual([
        { path: 'seats[2]', message: 'must be text' },
        { path: 'sale.holdSeconds', message: 'holdSeconds must not be less than 1' },
      ]);
    });

    it('answers another media type with 415', async () =>
      expectProblem(
        await order('a=1', { 'content-type': 'application/x-www-form-urlencoded' }),
        415,
        'unsupported-media-type',
      ));

    it('answers a body over the limit with 413', async () =>
      expectProblem(await order({ seats: ['x'.repeat(300_000)] }), 413, 'payload-too-large'));
  });

  describe('a route with a raised body limit', () => {
    let organiser: string;

    beforeAll(async () => {
      organiser = `Bearer ${await token({ roles: ['organiser'] })}`;
    });

    const large = (authorization: string, bytes: number) =>
      app.inject({
        method: 'POST',
        url: '/v1/things/large',
        headers: { authorization, 'content-type': 'application/json' },
        payload: JSON.stringify('x'.repeat(bytes)),
      });

    it('gives its bytes to a caller with the role', async () => {
      expect((await large(organiser, 300_000)).body).toBe('taken in');
      expectProblem(await large(organiser, LARGE_BODY_BYTES), 413, 'payload-too-large');
    });

    it('does not read it for a stranger, or a caller without the role', async () => {
      expectProblem(await large('', LARGE_BODY_BYTES), 401, 'unauthorised');
      expectProblem(await large(buyer, LARGE_BODY_BYTES), 403, 'forbidden');
    });

    it('takes in no more than its bounds at once, and no caller keeps the others out', async () => {
      const other = `Bearer ${await token({ sub: 'otto', roles: ['organiser'] })}`;
      const third = `Bearer ${await token({ sub: 'oona', roles: ['organiser'] })}`;
      let answer = () => {};
      mayAnswer = new Promise((resolve) => (answer = resolve));
      const atWorkOn = async (authorization: string) => {
        const working = new Promise<void>((resolve) => (atWork = resolve));
        const taken = large(authorization, 500_000).then((response) => response.body);
        await working;
        return { taken };
      };
      const first = await atWorkOn(organiser);
      const refused = await large(organiser, 500_000);
      expectProblem(refused, 503, 'overloaded');
      expect(refused.headers['retry-after']).toBe('1');
      const second = await atWorkOn(other);
      expectProblem(await large(third, 500_000), 503, 'overloaded');
      answer();
      expect(await Promise.all([first.taken, second.taken])).toEqual(['taken in', 'taken in']);
      expect((await large(organiser, 500_000)).body).toBe('taken in');
    });
  });

  describe('tokens', () => {
    it('refuses absent, foreign, expired, endless and unsigned ones', async () => {
      const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"ann","roles":["buyer"],"exp":9999999999}').toString('base64url')}.`;
      const endless = await new SignJWT({ sub: 'ann', roles: ['buyer'] })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(SECRET));
      const refused = [
        '',
        'Basic abc',
        'Bearer x.y.z',
        `Bearer ${await token({}, 'another secret of thirty-two characters')}`,
        `Bearer ${await token({}, SECRET, '-1s')}`,
        `Bearer ${endless}`,
        `Bearer ${unsigned}`,
      ];
      for (const authorization of refused) {
        const response = await order(good, { authorization });
        expectProblem(response, 401, 'unauthorised');
        expect(response.headers['www-authenticate']).toMatch(/^Bearer/);
      }
    });

    it('stops accepting a token it knows when the token runs out', async () => {
      const authorization = `Bearer ${await token({}, SECRET, '1s')}`;
      expect((await order(good, { authorization })).statusCode).toBe(201);
      jest.useFakeTimers({
        doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'setTimeout'],
        now: Date.now() + 1_500,
      });
      try {
        expectProblem(await order(good, { authorization }), 401, 'unauthorised');
      } finally {
        jest.useRealTimers();
      }
    });

    it('answers a wrong role with 403', async () =>
      expectProblem(
        await order(good, { authorization: `Bearer ${await token({ roles: ['organiser'] })}` }),
        403,
        'forbidden',
      ));
  });

  describe('idempotency keys', () => {
    it('asks for one', async () => {
      const response = await app.inject({
        method: 'POST',
        url: '/v1/things',
        headers: { authorization: buyer },
        payload: good,
      });
      expectProblem(response, 400, 'idempotency-key-required');
    });

    it.each(['', 'with space', 'ü', 'x'.repeat(256)])('refuses %p', async (key) =>
      expectProblem(await order(good, { 'idempotency-key': key }), 400, 'idempotency-key-invalid'),
    );
  });

  describe('routes', () => {
    it('answers an unknown path with a problem', async () =>
      expectProblem(await app.inject({ method: 'GET', url: '/nowhere' }), 404, 'not-found'));

    it('answers a foreign method with 405 and the methods there are', async () => {
      const response = await app.inject({ method: 'PUT', url: '/v1/things/5', payload: '{' });
      expectProblem(response, 405, 'method-not-allowed');
      expect(response.headers.allow).toBe('DELETE');
    });

    it('answers a path it cannot decode with 400', async () =>
      expectProblem(await app.inject({ method: 'DELETE', url: '/v1/things/%ff' }), 400, 'malformed-request'));
  });

  it('believes the forwarded address of the gateway alone', async () => {
    const from = (remoteAddress: string) =>
      app.inject({ url: '/v1/things/caller', remoteAddress, headers: { 'x-forwarded-for': '203.0.113.9' } });
    expect((await from('127.0.0.1')).json()).toEqual({ ip: '203.0.113.9' });
    expect((await from('192.0.2.1')).json()).toEqual({ ip: '192.0.2.1' });
  });

  describe('faults', () => {
    it('keeps internals to itself', async () => {
      const response = await app.inject({ method: 'GET', url: '/v1/things/fault' });
      expectProblem(response, 500, 'internal');
      expect(response.body).not.toContain('hunter2');
    });

    it('says when to come back after a server was away', async () => {
      const response = await app.inject({ method: 'GET', url: '/v1/things/away' });
      expectProblem(response, 503, 'unavailable');
      expect(response.headers['retry-after']).toBe('2');
    });

    it('adds the members of a refusal', async () => {
      const response = await app.inject({ method: 'GET', url: '/v1/things/taken' });
      expectProblem(response, 409, 'seats-taken');
      expect(response.json()).toMatchObject({ seats: [{ seatId: 'A1' }] });
    });
  });

  describe('operation', () => {
    it('is live, and ready while its parts answer', async () => {
      expect((await app.inject({ method: 'GET', url: '/health/live' })).json()).toEqual({ status: 'ok' });
      expect((await app.inject({ method: 'GET', url: '/health/ready' })).statusCode).toBe(200);

      const readiness = app.get(Readiness);
      readiness.add('postgres', () => Promise.reject(new Error('secret address')));
      const response = await app.inject({ method: 'GET', url: '/health/ready' });
      readiness.checks.delete('postgres');
      expectProblem(response, 503, 'unavailable');
      expect(response.json()).toMatchObject({ parts: { postgres: { status: 'down' }, running: { status: 'up' } } });
      expect(response.body).not.toContain('secret address');
    });

    it('counts requests by route', async () => {
      await app.inject({ method: 'DELETE', url: '/v1/things/17' });
      const { body } = await app.inject({ method: 'GET', url: '/metrics' });
      expect(body).toMatch(/^holdfast_http_request_seconds_count{.*route="\/v1\/things\/:id",status="204"} 1$/m);
    });

    it('documents its API', async () => {
      const document = (await app.inject({ method: 'GET', url: '/docs-json' })).json<OpenAPIObject>();
      expect(Object.keys(document.paths)).toContain('/v1/things/large');
      expect(document.components?.schemas).toMatchObject({
        Order: { additionalProperties: false },
        Sale: { additionalProperties: false },
      });
      expect((await app.inject({ method: 'GET', url: '/docs' })).statusCode).toBe(200);
    });
  });
});
