import { eventually, mintToken, privateRabbitmq, ServiceProcess, type PrivateServer } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { PaymentRig, type HeldSeats } from './payment-rig.spec';

const SECRET = 'a secret of at least thirty-two characters';
const START_MS = 120_000;

let rabbitmq: PrivateServer;
let rig: PaymentRig;
let service: ServiceProcess;

beforeAll(async () => {
  rabbitmq = await privateRabbitmq();
  rig = await PaymentRig.open({ rabbitmqUrl: rabbitmq.url });
  service = await ServiceProcess.start('payment-service', {
    env: {
      HOLDFAST_JWT_SECRET: SECRET,
      HOLDFAST_POSTGRES_URL: rig.postgresUrl,
      HOLDFAST_RABBITMQ_URL: rabbitmq.url,
      HOLDFAST_STRIPE_API_URL: rig.sandbox.url,
      HOLDFAST_PAYMENT_ANSWER_MS: '500',
      HOLDFAST_PAYMENT_LEASE_MS: '1000',
      HOLDFAST_COMMAND_TIMEOUT_MS: '1000',
      HOLDFAST_LOG_LEVEL: 'warn',
    },
  });
}, START_MS);

afterAll(async () => {
  await service?.stop();
  await rig?.close();
  await rabbitmq?.drop();
}, START_MS);

async function call(method: string, path: string, held: HeldSeats, body?: object) {
  const token = await mintToken(SECRET, held.buyerId, ['buyer']);
  const response = await fetch(`${service.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'idempotency-key': newId(), 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

const pay = ({ eventId, holdId, ...held }: HeldSeats, paymentMethod: string) =>
  call('POST', '/v1/payments', { eventId, holdId, ...held }, { eventId, holdId, paymentMethod });

async function reached(held: HeldSeats, attemptId: string, state: string): Promise<void> {
  let seen: unknown;
  await eventually(
    async () => (seen = (await call('GET', `/v1/payments/${attemptId}`, held)).body.state) === state,
    () => `${state}; it is ${String(seen)}`,
  );
}

/** The sandbox is in this process, so its books can be looked at between two of its answers. */
async function authorised(held: HeldSeats): Promise<void> {
  await eventually(() =>
    [...rig.sandbox.books.intents.values()].some(
      ({ status, metadata }) => status === 'requires_capture' && metadata.holdId === held.holdId,
    ),
  );
}

describe('payment-service killed in the middle of a payment', () => {
  it.each([
    ['while the confirmation is under way', 'pm_sandbox_slow_1200'],
    ['while the capture is under way', 'pm_sandbox_slow_1200_capture'],
    ['after a capture whose answer is never read', 'pm_sandbox_timeout_after_capture'],
  ])('%s, finishes it after its start', async (_when, paymentMethod) => {
    const held = await rig.holdSeats();
    const pending = await pay(held, paymentMethod);
    expect(pending).toMatchObject({ status: 202, body: { state: 'pending' } });
    const attemptId = String(pending.body.paymentId);
    await service.kill();
    await service.start();
    await reached(held, attemptId, 'captured');
    expect(await rig.booksOf(held, { attemptId })).toEqual({ chargedMinor: 9_000, booked: true, open: [] });
  });
});

describe('RabbitMQ stopped', () => {
  it(
    'a payment that has begun goes on when it is back, a new one is refused before the provider hears of it',
    async () => {
      const [running, late] = [await rig.holdSeats(), await rig.holdSeats()];
      const pending = await pay(running, 'pm_sandbox_slow_3000');
      expect(pending).toMatchObject({ status: 202, body: { state: 'pending' } });
      await rabbitmq.kill();
      await authorised(running);

      const refused = await pay(late, 'pm_card_visa');
      expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(refused.headers.get('retry-after')).not.toBeNull();

      await rabbitmq.start();
      await reached(running, String(pending.body.paymentId), 'captured');
      const books = [...rig.sandbox.books.intents.values()].filter(({ metadata }) => metadata.holdId === late.holdId);
      expect(books).toEqual([]);
      expect((await pay(late, 'pm_card_visa')).status).toBe(201);
    },
    START_MS,
  );
});
