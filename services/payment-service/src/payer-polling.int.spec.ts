import type { Attempt } from './attempts';
import { PaymentRig, type HeldSeats } from './payment-rig.spec';
import { Payments } from './payments';
import type { Provider } from './provider';

const PAGES = 20;
const HOUR_MS = 3_600_000;

let rig: PaymentRig;
beforeAll(async () => (rig = await PaymentRig.open()));
afterAll(() => rig.close());

/** Payments beside the real provider, whose reads of intents are counted. */
function countingPayments({ lookPauseMs }: { lookPauseMs: number }) {
  const world = rig.world();
  const calls = { reads: 0 };
  const readIntent: Provider['readIntent'] = async (attempt) => {
    calls.reads += 1;
    return world.provider.readIntent(attempt);
  };
  const provider = new Proxy(world.provider, {
    get: (target, member, receiver) =>
      member === 'readIntent' ? readIntent : (Reflect.get(target, member, receiver) as unknown),
  });
  const faults: unknown[] = [];
  const onFault = (error: unknown) => void faults.push(error);
  return {
    payments: new Payments({ ...world, provider }, { answerMs: 0, inHandMax: 100, onFault, lookPauseMs }),
    calls,
    faults,
  };
}

async function waitingForPayer(): Promise<{ held: HeldSeats; attempt: Attempt }> {
  const held = await rig.holdSeats();
  const attempt = await rig.pay(held, 'pm_card_authenticationRequired');
  expect(attempt.state).toBe('requires-action');
  return { held, attempt };
}

describe('a payment that waits for its payer, read again and again', () => {
  it('is looked at once at the provider by all pages that poll, and each is told what to do', async () => {
    const { held, attempt } = await waitingForPayer();
    const { payments, calls } = countingPayments({ lookPauseMs: HOUR_MS });
    const poll = async () => {
      const read = await payments.read(attempt.attemptId, held.buyerId);
      expect(read).toMatchObject({ state: 'requires-action' });
      return read && payments.nextAction(read);
    };
    const atOnce = await Promise.all(Array.from({ length: PAGES }, poll));
    const [first] = atOnce;
    expect(first).toMatchObject({ url: expect.stringContaining('http') as string });
    for (const action of [...atOnce, await poll(), await poll()]) expect(action).toEqual(first);
    expect(calls.reads).toBe(1);
  });

  it('is left as it stands meanwhile: reading changes nothing and takes it from nobody', async () => {
    const { held, attempt } = await waitingForPayer();
    const { payments } = countingPayments({ lookPauseMs: HOUR_MS });
    await payments.read(attempt.attemptId, held.buyerId);
    expect(await rig.world().attempts.reread(attempt)).toMatchObject({
      version: attempt.version,
      nextAt: attempt.nextAt,
    });
  });

  it('goes on at the first look after the payer is done, driven by one reader of many', async () => {
    const { held, attempt } = await waitingForPayer();
    const { payments, calls, faults } = countingPayments({ lookPauseMs: HOUR_MS });
    await rig.authenticate(attempt, 'succeeded');
    const read = await Promise.all(
      Array.from({ length: PAGES }, async () => payments.read(attempt.attemptId, held.buyerId)),
    );
    expect(new Set(read.map((each) => each?.state))).toEqual(new Set(['captured']));
    // The look, and the driver's own before it moves anything.
    expect(calls.reads).toBe(2);
    expect(faults).toEqual([]);
    expect(await rig.booksOf(held, attempt)).toEqual({ chargedMinor: 9_000, booked: true, open: [] });
  });

  it('is looked at again after the pause', async () => {
    const { held, attempt } = await waitingForPayer();
    const { payments, calls } = countingPayments({ lookPauseMs: 1 });
    await payments.read(attempt.attemptId, held.buyerId);
    await rig.authenticate(attempt, 'succeeded');
    let reads = 1;
    for (let state = ''; state !== 'captured'; reads++) {
      state = (await payments.read(attempt.attemptId, held.buyerId))?.state ?? '';
    }
    expect(calls.reads).toBeLessThanOrEqual(reads + 1);
  });

  it('is given up by the look after its deadline', async () => {
    const { held, attempt } = await waitingForPayer();
    const { payments } = countingPayments({ lookPauseMs: HOUR_MS });
    await rig.runOut(held);
    expect(await payments.read(attempt.attemptId, held.buyerId)).toMatchObject({ state: 'voided' });
  });
});
