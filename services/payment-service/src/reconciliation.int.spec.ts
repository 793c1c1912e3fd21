import Stripe from 'stripe';
import { v7 as newId } from 'uuid';
import { advance } from './attempt-lifecycle';
import type { Attempt } from './attempts';
import { listBreaks, resolveBreak, type Break } from './breaks';
import { Inbox } from './inbox';
import { unbalancedEvents } from './money';
import { PaymentRig } from './payment-rig.spec';
import { Reconciliation } from './reconciliation';
import { advanceRefund } from './refund-lifecycle';

let rig: PaymentRig;
let stripe: Stripe;

beforeAll(async () => {
  rig = await PaymentRig.open();
  const { hostname, port } = new URL(rig.sandbox.url);
  stripe = new Stripe('sk_test_sandbox', { protocol: 'http', host: hostname, port, telemetry: false });
});

afterAll(() => rig.close());

const SYSTEM = 'holdfast';

/** Everything up to now is compared, from the beginning. */
async function reconcile(world = rig.world()): Promise<void> {
  await rig.database.query(
    `UPDATE payments.reconciliation SET next_at = now(), reconciled_until = now() - interval '5 minutes'`,
  );
  const options = { everyMs: 1_000, settleMs: 0, system: SYSTEM };
  await new Reconciliation(rig.database, world.provider, world, new Inbox(rig.database), options).pass();
}

const breaksOf = async (id: string): Promise<Break[]> => {
  const all = await listBreaks(rig.database, { all: true, limit: 1_000 });
  return all.filter(({ objectId, attemptId, refundId }) => [objectId, attemptId, refundId].includes(id));
};

async function captured(): Promise<Attempt> {
  const attempt = await rig.pay(await rig.holdSeats(), 'pm_card_visa');
  if (attempt.state !== 'captured') throw new Error(attempt.state);
  return attempt;
}

/** An intent with our mark that no attempt of ours has. */
async function orphan({
  system = SYSTEM,
  capture = false,
  confirm = true,
  method = 'pm_card_visa',
} = {}): Promise<string> {
  const metadata = { system, attemptId: newId(), eventId: newId(), holdId: newId() };
  const { id } = await stripe.paymentIntents.create({
    amount: 500,
    currency: 'eur',
    capture_method: 'manual',
    payment_method: method,
    metadata,
  });
  if (confirm) await stripe.paymentIntents.confirm(id);
  if (capture) await stripe.paymentIntents.capture(id);
  return id;
}

const takenMinor = (intentId: string | null): number =>
  [...rig.sandbox.books.charges.values()]
    .filter((charge) => charge.payment_intent === intentId)
    .reduce((sum, charge) => sum + charge.amount_captured - charge.amount_refunded, 0);

describe('reconciliation', () => {
  it('finds nothing where both sides agree', async () => {
    const attempt = await captured();
    await reconcile();
    expect(await breaksOf(attempt.attemptId)).toEqual([]);
    expect(takenMinor(attempt.intentId)).toBe(9_000);
  });

  it('voids an authorisation that no attempt has, and says so', async () => {
    const id = await orphan();
    await reconcile();
    expect(rig.sandbox.books.intents.get(id)).toMatchObject({ status: 'canceled' });
    expect(await breaksOf(id)).toMatchObject([{ kind: 'orphan-authorisation', note: 'voided' }]);
  });

  it('refunds a charge that no attempt has, once, and says so', async () => {
    const id = await orphan({ capture: true });
    await reconcile();
    await reconcile();
    expect(takenMinor(id)).toBe(0);
    expect(await breaksOf(id)).toMatchObject([{ kind: 'orphan-charge', note: 'refunded in full' }]);
  });

  it('tells people of a charge that no attempt has and that the provider would not refund', async () => {
    const id = await orphan({ capture: true, method: 'pm_sandbox_refund_refused' });
    await reconcile();
    expect(takenMinor(id)).toBe(500);
    expect(await breaksOf(id)).toMatchObject([
      { kind: 'orphan-charge', resolvedAt: null, details: { refused: 'charge-disputed' } },
    ]);
  });

  it('tells people when the refund of such a charge fails later', async () => {
    const id = await orphan({ capture: true });
    await reconcile();
    const theirs = [...rig.sandbox.books.refunds.values()].find((refund) => refund.payment_intent === id);
    if (!theirs) throw new Error('no refund');
    rig.sandbox.books.refunds.set(theirs.id, { ...theirs, status: 'failed', failure_reason: 'expired_card' });
    await reconcile();
    expect(await breaksOf(theirs.id)).toMatchObject([
      { kind: 'refund-failed', resolvedAt: null, details: { intent: id, failure: 'expired-card' } },
    ]);
  });

  it('cancels an intent that a lost create call left behind', async () => {
    const id = await orphan({ confirm: false });
    await reconcile();
    expect(rig.sandbox.books.intents.get(id)).toMatchObject({ status: 'canceled' });
    expect(await breaksOf(id)).toEqual([]);
  });

  it('leaves the payments of other systems on the account alone', async () => {
    const id = await orphan({ system: 'staging', capture: true });
    await reconcile();
    expect(takenMinor(id)).toBe(500);
    expect(await breaksOf(id)).toEqual([]);
  });

  it('leaves a payment alone that has not ended', async () => {
    const attempt = await rig.pay(await rig.holdSeats(), 'pm_card_authenticationRequired');
    await reconcile();
    expect(rig.sandbox.books.intents.get(attempt.intentId ?? '')).toMatchObject({ status: 'requires_action' });
    await rig.database.query(`DELETE FROM payments.attempts WHERE attempt_id = $1`, [attempt.attemptId]);
  });

  it('finds no difference in a payment that was captured while the provider’s list was under way', async () => {
    const held = await rig.holdSeats();
    const waiting = await rig.pay(held, 'pm_card_authenticationRequired');
    const world = rig.world();
    const list = world.provider.intentsBetween.bind(world.provider);
    world.provider.intentsBetween = async function* (from, to) {
      for await (const page of list(from, to)) {
        await rig.authenticate(waiting, 'succeeded');
        const attempt = await world.attempts.takeOver(waiting);
        if (attempt) await advance(attempt, world, true);
        yield page;
      }
    };
    await reconcile(world);
    expect(await world.attempts.reread(waiting)).toMatchObject({ state: 'captured' });
    expect(await breaksOf(waiting.attemptId)).toEqual([]);
  });

  it('finds a charge that the provider does not have', async () => {
    const attempt = await captured();
    rig.sandbox.books.intents.delete(attempt.intentId ?? '');
    await reconcile();
    expect(await breaksOf(attempt.attemptId)).toMatchObject([{ kind: 'charge-missing', details: { ours: 9_000 } }]);
  });

  it('finds an amount that differs', async () => {
    const attempt = await captured();
    const intent = rig.sandbox.books.intents.get(attempt.intentId ?? '');
    if (!intent) throw new Error('no intent');
    rig.sandbox.books.intents.set(intent.id, { ...intent, amount_received: 8_000 });
    await reconcile();
    expect(await breaksOf(attempt.attemptId)).toMatchObject([
      { kind: 'amount-differs', details: { ours: { capturedMinor: 9_000 }, theirs: { receivedMinor: 8_000 } } },
    ]);
  });

  it('finds a refund that was made past us', async () => {
    const attempt = await captured();
    const { id } = await stripe.refunds.create({ payment_intent: attempt.intentId ?? '', amount: 100 });
    await reconcile();
    expect(await breaksOf(id)).toMatchObject([{ kind: 'unknown-refund', attemptId: attempt.attemptId }]);
  });

  it('looks into a webhook about a refund that bounced, and takes the money as not given back', async () => {
    const attempt = await captured();
    const world = rig.world();
    const { attemptId, buyerId } = attempt;
    const asked = { attemptId, buyerId, askedBy: buyerId, key: newId(), bodyHash: Buffer.from('body') };
    const started = await world.refunds.start(asked);
    if (started.outcome !== 'started') throw new Error(started.outcome);
    const done = await advanceRefund(started.refund, world);
    const theirs = rig.sandbox.books.refunds.get(done.providerRefundId ?? '');
    if (!theirs) throw new Error('no refund');
    rig.sandbox.books.refunds.set(theirs.id, { ...theirs, status: 'failed' });
    const verdict = await new Inbox(rig.database).receive({
      providerEventId: `evt_${newId()}`,
      type: 'refund.failed',
      objectKind: 'refund',
      objectId: theirs.id,
      intentId: attempt.intentId,
      eventId: attempt.eventId,
      attemptId,
      amountMinor: 9_000,
      currency: 'EUR',
      createdAt: new Date(),
    });
    expect(verdict).toBe('doubtful');
    await reconcile();
    expect(await world.refunds.reread(done)).toMatchObject({ state: 'failed' });
    expect(await breaksOf(done.refundId)).toMatchObject([{ kind: 'refund-failed', resolvedAt: null }]);
    const doubts = await rig.database.query('SELECT FROM payments.inbox WHERE check_at IS NOT NULL');
    expect(doubts).toEqual([]);
    expect(await unbalancedEvents(rig.database)).toEqual([]);
  });

  it('keeps a break resolved that is found again', async () => {
    const attempt = await captured();
    rig.sandbox.books.intents.delete(attempt.intentId ?? '');
    await reconcile();
    const [found] = await breaksOf(attempt.attemptId);
    expect(await resolveBreak(rig.database, found?.breakId ?? '', 'ada', 'asked the provider')).toBe(true);
    expect(await resolveBreak(rig.database, found?.breakId ?? '', 'ada', 'again')).toBe(false);
    await reconcile();
    expect(await breaksOf(attempt.attemptId)).toMatchObject([{ resolvedBy: 'ada', note: 'asked the provider' }]);
  });
});
