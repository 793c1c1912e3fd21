import type { Database } from '@holdfast/postgres';
import { hasEnded, type State } from './attempt-lifecycle';
import { recordBreak, type BreakKind } from './breaks';
import type { Inbox } from './inbox';
import type { Provider, ProviderIntent, ProviderRefund } from './provider';
import { hasRefundEnded, moveRefund, type RefundWorld } from './refund-lifecycle';
import type { Refund } from './refunds';

/** What our books say of an attempt. */
interface OurAttempt {
  eventId: string;
  attemptId: string;
  state: State;
  intentId: string | null;
  capturedMinor: number;
  currency: string | null;
}

export interface ReconciliationOptions {
  /** A pause after everything is compared. */
  everyMs: number;
  /** What is younger is not compared yet: somebody may be working on it. */
  settleMs: number;
  /** Intents of other systems that share the account are left alone. */
  system: string;
}

/** Compared at once at most, so that a pass has an end however long nobody compared. */
const WINDOW_MS = 10 * 60_000;
/** The two clocks need not agree better. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;
/** Longer than any pass takes. */
const LEASE_MS = 10 * 60_000;
/** A payment that has no end by then no longer keeps the others from being compared. */
const UNFINISHED_MAX_MS = 24 * 60 * 60_000;
const DOUBTS_PER_PASS = 100;

/** States in which the money was taken, whether or not it was given back. */
const TAKEN: ReadonlySet<State> = new Set(['captured', 'returned']);
/** An intent that is none of these may have gone on since the provider's list was made. */
const AT_REST: ReadonlySet<ProviderIntent['status']> = new Set(['succeeded', 'canceled']);

/**
 * Compares the provider's books with ours, in both directions, window by window: what it has and we do not, what we have
 * and it does not, and what differs. Money that no attempt has a seat for is given back at once; everything found is a
 * break.
 */
export class Reconciliation {
  constructor(
    private readonly database: Database,
    private readonly provider: Provider,
    private readonly world: RefundWorld,
    private readonly inbox: Inbox,
    private readonly options: ReconciliationOptions,
  ) {}

  /**
   * Looks into what webhooks made doubtful, then compares one window, unless another instance does.
   *
   * @returns how long to wait before the next pass, in ms
   */
  async pass(): Promise<number> {
    await this.lookIntoDoubts();
    const { everyMs, settleMs } = this.options;
    const values = [LEASE_MS, WINDOW_MS, settleMs, UNFINISHED_MAX_MS];
    const [window] = await this.database.query<{ from: Date; to: Date }>(takeWindowSql, values);
    if (!window) return everyMs;
    const isDue = window.to > window.from;
    if (isDue) await this.compare(window.from, window.to);
    const isBehind = window.to.getTime() - window.from.getTime() >= WINDOW_MS;
    await this.database.query(closeWindowSql, [isDue ? window.to : window.from, isBehind ? 0 : everyMs]);
    return isBehind ? 0 : everyMs;
  }

  private async lookIntoDoubts(): Promise<void> {
    for (const doubt of await this.inbox.takeDoubtful(DOUBTS_PER_PASS)) {
      const isRefund = doubt.type.startsWith('refund.');
      const refund = isRefund ? await this.provider.lookUpRefund(doubt.objectId) : undefined;
      if (refund) await this.examineRefunds([refund]);
      const intent = doubt.intentId ? await this.provider.lookUpIntent(doubt.intentId) : undefined;
      const open = intent ? await this.examineIntents([intent]) : 0;
      if (open === 0) await this.inbox.settle(doubt);
    }
    await this.inbox.forget();
  }

  private async compare(from: Date, to: Date): Promise<void> {
    const [early, late] = [new Date(from.getTime() - CLOCK_TOLERANCE_MS), new Date(to.getTime() + CLOCK_TOLERANCE_MS)];
    const intents = new Set<string>();
    for await (const page of this.provider.intentsBetween(early, late)) {
      page.forEach(({ id }) => intents.add(id));
      await this.examineIntents(page);
    }
    const refunds = new Set<string>();
    for await (const page of this.provider.refundsBetween(early, late)) {
      page.forEach(({ id }) => refunds.add(id));
      await this.examineRefunds(page);
    }
    await this.lookForMissing(from, to, intents, refunds);
  }

  /** @returns how many of them belong to payments that have not ended, and must be looked at again */
  private async examineIntents(page: ProviderIntent[]): Promise<number> {
    const ours = page.filter(({ system, attemptId }) => system === this.options.system && attemptId);
    const known = await this.database.query<OurAttempt>(attemptsSql, [ours.map(({ attemptId }) => attemptId)]);
    const byId = new Map(known.map((attempt) => [attempt.attemptId, attempt]));
    let open = 0;
    for (const intent of ours) {
      const attempt = byId.get(intent.attemptId ?? '');
      if (attempt && !hasEnded(attempt.state)) open += 1;
      else await this.examineIntent(intent, attempt);
    }
    return open;
  }

  private async examineIntent(listed: ProviderIntent, attempt: OurAttempt | undefined): Promise<void> {
    const later = AT_REST.has(listed.status) ? undefined : await this.provider.lookUpIntent(listed.id);
    const intent = later ?? listed;
    if (attempt && attempt.intentId === intent.id && TAKEN.has(attempt.state)) {
      const { capturedMinor, currency } = attempt;
      if (intent.status !== 'succeeded') return this.found('state-differs', intent, attempt);
      const isSame = intent.receivedMinor === capturedMinor && intent.currency === currency;
      return isSame ? undefined : this.found('amount-differs', intent, attempt);
    }
    // No attempt has a seat for it: nobody may be charged by it.
    if (intent.status === 'canceled' || intent.status === 'processing') return;
    if (intent.status === 'succeeded') return this.giveBack(intent, attempt);
    await this.provider.cancelIntent({ attemptId: intent.attemptId ?? '', intentId: intent.id });
    if (intent.status === 'requires_capture') {
      await this.found('orphan-authorisation', intent, attempt, { done: 'voided' });
    }
  }

  /** A charge that no attempt has a seat for. What the provider will not give back is left to people. */
  private async giveBack(intent: ProviderIntent, attempt: OurAttempt | undefined): Promise<void> {
    const answer = await this.provider.refundOrphan(intent.id);
    if (!('refused' in answer)) return this.found('orphan-charge', intent, attempt, { done: 'refunded in full' });
    const { refused } = answer;
    if (refused !== 'charge-already-refunded') await this.found('orphan-charge', intent, attempt, { refused });
  }

  private async examineRefunds(page: ProviderRefund[]): Promise<void> {
    const own = page.filter(({ refundId }) => refundId !== undefined);
    const rows = await this.database.query<{ eventId: string; refundId: string }>(refundsSql, [
      own.map(({ refundId }) => refundId),
    ]);
    const byId = new Map(rows.map((row) => [row.refundId, row]));
    for (const theirs of page) {
      const row = byId.get(theirs.refundId ?? '');
      if (row) await this.compareRefund(theirs, await this.world.refunds.reread(row));
      else if (theirs.isOfOrphan) await this.orphanRefund(theirs);
      else await this.unknownRefund(theirs);
    }
  }

  private async compareRefund(theirs: ProviderRefund, ours: Refund): Promise<void> {
    if (!hasRefundEnded(ours.state)) return;
    if (ours.state === 'refunded' && hasFailed(theirs)) {
      await moveRefund(ours, 'bounced', this.world, { failure: theirs.failure ?? theirs.status });
    } else if (theirs.amountMinor !== ours.amountMinor) {
      const { eventId, attemptId, refundId } = ours;
      const details = { ours: ours.amountMinor, theirs: theirs.amountMinor };
      await recordBreak(this.database, {
        kind: 'amount-differs',
        objectId: theirs.id,
        eventId,
        attemptId,
        refundId,
        details,
      });
    }
  }

  /** A charge without a seat that was given back, and has come back. */
  private async orphanRefund(theirs: ProviderRefund): Promise<void> {
    if (!hasFailed(theirs)) return;
    const { id: objectId, intentId: intent, amountMinor, failure } = theirs;
    await recordBreak(this.database, {
      kind: 'refund-failed',
      objectId,
      details: { intent, amountMinor, failure: failure ?? theirs.status },
    });
  }

  /** Only of our intents: the account may have others. */
  private async unknownRefund(theirs: ProviderRefund): Promise<void> {
    const [attempt] = await this.database.query<OurAttempt>(byIntentSql, [theirs.intentId ?? '']);
    if (!attempt) return;
    const { eventId, attemptId } = attempt;
    const details = { intent: theirs.intentId, amountMinor: theirs.amountMinor };
    await recordBreak(this.database, { kind: 'unknown-refund', objectId: theirs.id, eventId, attemptId, details });
  }

  /** What we have in the window and the provider's lists did not show is asked for by name. */
  private async lookForMissing(from: Date, to: Date, intents: Set<string>, refunds: Set<string>): Promise<void> {
    for (const attempt of await this.database.query<OurAttempt>(takenSql, [from, to])) {
      const intentId = attempt.intentId ?? '';
      if (intents.has(intentId) || (await this.provider.lookUpIntent(intentId))) continue;
      const { eventId, attemptId, capturedMinor } = attempt;
      const details = { ours: capturedMinor, theirs: null };
      await recordBreak(this.database, { kind: 'charge-missing', objectId: intentId, eventId, attemptId, details });
    }
    for (const refund of await this.database.query<RefundedRow>(refundedSql, [from, to])) {
      const { providerRefundId, amountMinor, ...ids } = refund;
      if (refunds.has(providerRefundId) || (await this.provider.lookUpRefund(providerRefundId))) continue;
      const details = { ours: amountMinor, theirs: null };
      await recordBreak(this.database, { kind: 'refund-missing', objectId: providerRefundId, ...ids, details });
    }
  }

  private async found(
    kind: BreakKind,
    intent: ProviderIntent,
    ours?: OurAttempt,
    { done, refused }: { done?: string; refused?: string } = {},
  ): Promise<void> {
    const { id: objectId, status, receivedMinor, amountMinor, currency } = intent;
    await recordBreak(this.database, {
      kind,
      objectId,
      eventId: ours?.eventId,
      attemptId: ours?.attemptId ?? intent.attemptId,
      details: {
        ours: ours ? { state: ours.state, capturedMinor: ours.capturedMinor, currency: ours.currency } : null,
        theirs: { status, amountMinor, receivedMinor, currency },
        refused,
      },
      done,
    });
  }
}

function hasFailed({ status }: ProviderRefund): boolean {
  return status === 'failed' || status === 'canceled';
}

interface RefundedRow {
  eventId: string;
  attemptId: string;
  refundId: string;
  providerRefundId: string;
  amountMinor: number;
}

/**
 * A window ends before everything that has no end yet, so that all in it is at rest.
 *
 * $1 lease ms · $2 window ms · $3 settle ms · $4 unfinished at most, ms
 */
const takeWindowSql = `
UPDATE payments.reconciliation
   SET next_at = clock_timestamp() + $1::float8 * interval '1 ms'
 WHERE the_one AND next_at <= clock_timestamp()
RETURNING reconciled_until AS "from", least(
  reconciled_until + $2::float8 * interval '1 ms',
  clock_timestamp() - $3::float8 * interval '1 ms',
  (SELECT min(created_at) FROM payments.attempts
    WHERE ended_at IS NULL AND created_at > clock_timestamp() - $4::float8 * interval '1 ms'),
  (SELECT min(created_at) FROM payments.refunds
    WHERE ended_at IS NULL AND created_at > clock_timestamp() - $4::float8 * interval '1 ms')) AS "to"`;

/** $1 compared until · $2 pause ms */
const closeWindowSql = `
UPDATE payments.reconciliation
   SET reconciled_until = $1, next_at = clock_timestamp() + $2::float8 * interval '1 ms'
 WHERE the_one`;

const OUR_COLUMNS = `
  event_id AS "eventId", attempt_id AS "attemptId", state, intent_id AS "intentId",
  captured_minor::float8 AS "capturedMinor", currency`;

/** $1 attempts */
const attemptsSql = `SELECT ${OUR_COLUMNS} FROM payments.attempts WHERE attempt_id = ANY ($1::uuid[])`;

/** $1 intent */
const byIntentSql = `SELECT ${OUR_COLUMNS} FROM payments.attempts WHERE intent_id = $1`;

/** $1 from · $2 to */
const takenSql = `
SELECT ${OUR_COLUMNS} FROM payments.attempts
 WHERE created_at >= $1 AND created_at < $2 AND state IN ('captured', 'returned') AND captured_minor > 0`;

/** $1 refunds */
const refundsSql = `
SELECT event_id AS "eventId", refund_id AS "refundId" FROM payments.refunds WHERE refund_id = ANY ($1::uuid[])`;

/** $1 from · $2 to */
const refundedSql = `
SELECT event_id AS "eventId", attempt_id AS "attemptId", refund_id AS "refundId",
       provider_refund_id AS "providerRefundId", amount_minor::float8 AS "amountMinor"
  FROM payments.refunds
 WHERE created_at >= $1 AND created_at < $2 AND state = 'refunded' AND amount_minor > 0`;
