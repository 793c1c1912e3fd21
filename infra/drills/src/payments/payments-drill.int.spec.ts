import { inventoryMigrations } from '@holdfast/inventory';
import { CRASH_POINTS, paymentMigrations } from '@holdfast/payment-service';
import { SandboxConfig, startSandbox, type Sandbox } from '@holdfast/sandbox-provider';
import {
  freePort,
  mintToken,
  ServiceProcess,
  testDatabase,
  testServers,
  testVhost,
  type TestDatabase,
} from '@holdfast/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Stage } from '../stage';
import { readBooks } from './books';
import { judge } from './judge';
import { Lives } from './lives';
import { paymentSettings, startPaymentApp } from './payment-app';
import { drillProduct, warmUp, webhooksDelivered } from './payments-drill';
import { BeforeFence, raceTwoPayments, raceWithExpiry } from './races';
import { eventIdsOf, handsOf, openTheatre, placeOf, type Theatre } from './theatre';

const SECRET = 'a secret of at least thirty-two characters';
const SEATS = 2_000;
/** `npm run drills` takes all combinations; here each so manyth, and at least one for every crash point. */
const SAMPLE_EVERY = 150;
const MAX_MS = 180_000;

let database: TestDatabase;
let vhost: Awaited<ReturnType<typeof testVhost>>;
let holdService: ServiceProcess;
let sandbox: Sandbox;
let theatre: Theatre;
let app: NestFastifyApplication;
let lives: Lives;
const fence = new BeforeFence();

beforeAll(async () => {
  database = await testDatabase([inventoryMigrations, paymentMigrations]);
  vhost = await testVhost();
  holdService = await ServiceProcess.start('hold-service', {
    env: {
      HOLDFAST_JWT_SECRET: SECRET,
      HOLDFAST_POSTGRES_URL: database.url,
      HOLDFAST_REDIS_URL: testServers().redisUrl,
      HOLDFAST_RABBITMQ_URL: vhost.url,
      HOLDFAST_LOG_LEVEL: 'warn',
    },
  });
  const paymentPort = await freePort();
  const config = Object.assign(new SandboxConfig(), {
    port: 0,
    webhookUrl: `http://127.0.0.1:${paymentPort}/v1/webhooks/stripe`,
    webhookRetryMs: 50,
    lateMs: 300,
    refundMs: 50,
  });
  sandbox = await startSandbox(config);
  const stage: Stage = {
    url: holdService.url,
    organiserToken: await mintToken(SECRET, 'organiser', ['organiser'], '1h'),
    jwtSecret: SECRET,
    postgresUrl: database.url,
    rabbitmqUrl: vhost.url,
    provider: { url: sandbox.url, secretKey: config.secretKey, webhookSecret: config.webhookSecret },
    paymentPort,
    stop: () => Promise.resolve(),
  };
  theatre = await openTheatre(stage, database.database, SEATS);
  lives = new Lives(handsOf(placeOf(theatre)));
  app = await startPaymentApp(paymentSettings(stage), async (point, at) => {
    await fence.onCrashPoint(point, at);
    await lives.onCrashPoint(point, at);
  });
  await warmUp(theatre);
}, MAX_MS);

afterAll(async () => {
  await app?.close();
  await sandbox?.close();
  await holdService?.stop();
  await Promise.all([database?.drop(), vhost?.drop()]);
});

describe('a sample of the payment drill', () => {
  it(
    'crashes at every point, and every payment comes to its end',
    async () => {
      const { drill, lived } = await drillProduct(theatre, lives, SAMPLE_EVERY, () => undefined);
      expect(drill.violations).toEqual([]);
      const crashedAt = new Set(lived.filter(({ crashed }) => crashed).map(({ combination }) => combination.crashAt));
      expect(CRASH_POINTS.filter((point) => !crashedAt.has(point))).toEqual([]);
    },
    MAX_MS,
  );

  it('lets one of two payments for one hold win', async () => {
    expect((await raceTwoPayments(theatre, 10)).faults).toEqual([]);
  });

  it('lets a payment or the expiry of its hold win', async () => {
    const { faults, outcomes } = await raceWithExpiry(theatre, fence, 20);
    expect({ faults, rounds: (outcomes.captured ?? 0) + (outcomes.voided ?? 0) }).toEqual({ faults: [], rounds: 20 });
  });

  it('leaves the books of both sides and the seats in agreement', async () => {
    await webhooksDelivered(theatre);
    const books = await readBooks(database.database, eventIdsOf(theatre), theatre.stage.provider);
    expect(judge(books)).toEqual([]);
    expect(books.attempts.length).toBeGreaterThan(150);
  });
});
