import { setTimeout as sleep } from 'node:timers/promises';
import type { PaymentActionBody } from '@holdfast/contracts';
import { advance, hasEnded, type Step, type World } from './attempt-lifecycle';
import type { Attempt, PaymentRequest } from './attempts';
import { readConfirmed } from './intent-reading';
import { PacedLooks } from './paced-looks';
import { advanceRefund, type RefundWorld } from './refund-lifecycle';
import type { Refund, RefundRefusal, RefundRequest } from './refunds';

/** How often a request looks at its payment while nobody has answered or somebody else works on it. */
const LOOK_AGAIN_MS = 100;

/** A payment that waits for its payer is looked at again no sooner, by this instance, however often it is asked for. */
const ACTION_LOOK_PAUSE_MS = 1_000;
/** Such payments whose last look is remembered. */
const ACTION_LOOKS_MAX = 10_000;

/** What became of a request to pay. */
export type PayOutcome =
  /** Ended, waits for its payer, or `pending`: the answer's time is up and the payment goes on. */
  | { outcome: 'payment'; attempt: Attempt; replayed: boolean }
  /** The first request with this key may still be waiting for its end. */
  | { outcome: 'request-in-progress' }
  | { outcome: 'key-reused' }
  | { outcome: 'payment-in-progress' }
  /** Nothing was asked of the provider, nor will be. */
  | { outcome: 'unavailable' }
  /** As many payments are in hand as may be. */
  | { outcome: 'overloaded' };

/** What became of a request to refund seats. */
export type RefundOutcome =
  /** Ended, or pending: the answer's time is up or the bank works on it, and the refund goes on. */
  | { outcome: 'refund'; refund: Refund; replayed: boolean }
  /** As many payments and refunds are in hand as may be. */
  | { outcome: 'overloaded' }
  | RefundRefusal;

export interface PaymentsOptions {
  /** How long a request waits for the end of its payment. */
  answerMs: number;
  /** Requests under way at most: a provider that hangs must not gather them without end. */
  inHandMax: number;
  /** Told of faults; the attempt is taken up again when its lease has run out. */
  onFault: (error: unknown, what: string) => void;
  /** From one look at a payment that waits for its payer to the next; a second when not given. */
  lookPauseMs?: number;
}

/** Requests to pay, and to read a payment. */
export class Payments {
  private readonly running = new Set<Promise<unknown>>();
  private readonly actionLooks: PacedLooks<PaymentActionBody | undefined>;

  constructor(
    private readonly world: World & RefundWorld,
    private readonly options: PaymentsOptions,
  ) {
    const { lookPauseMs: pauseMs = ACTION_LOOK_PAUSE_MS } = options;
    this.actionLooks = new PacedLooks({ pauseMs, keysMax: ACTION_LOOKS_MAX });
  }

  /** Pays a hold. The payment goes on when the caller goes away or no longer waits. */
  async pay(request: PaymentRequest): Promise<PayOutcome> {
    if (this.isFull()) return { outcome: 'overloaded' };
    const { attempts, holds } = this.world;
    // Nothing new is begun while RabbitMQ is away; what was paid before is still answered.
    const start = (await holds.isReady()) ? await attempts.start(request) : await attempts.findObstacle(request);
    if (!start) return { outcome: 'unavailable' };
    switch (start.outcome) {
      case 'key-reused':
      case 'payment-in-progress':
        return start;
      case 'replayed':
        return this.replay(start.attempt);
      case 'started': {
        await this.world.crashPoint('started:committed', start.attempt);
        const attempt = await this.drive(start.attempt);
        if (attempt.reason === 'unavailable') return { outcome: 'unavailable' };
        return { outcome: 'payment', attempt, replayed: false };
      }
    }
  }

  /**
   * A payment as it is now; at one that waits for its payer the provider is looked at first, unless that was done just now.
   *
   * @param buyerId whose it must be; undefined: anybody's
   * @throws ProviderSilent
   */
  async read(attemptId: string, buyerId: string | undefined): Promise<Attempt | undefined> {
    const attempt = await this.world.attempts.find(attemptId, buyerId);
    if (attempt?.state !== 'requires-action') return attempt;
    await this.nextAction(attempt);
    return this.world.attempts.reread(attempt);
  }

  /** What was given back of a payment, and what is on its way. */
  async refundsOf(attempt: Attempt): Promise<Refund[]> {
    return this.world.refunds.of(attempt);
  }

  /** Gives seats of a captured payment back, and their price. The refund goes on when the caller no longer waits. */
  async refund(request: RefundRequest): Promise<RefundOutcome> {
    if (this.isFull()) return { outcome: 'overloaded' };
    const start = await this.world.refunds.start(request);
    if (start.outcome === 'replayed') return { outcome: 'refund', refund: start.refund, replayed: true };
    if (start.outcome !== 'started') return start;
    await this.world.crashPoint('refund:started:committed', start.refund);
    const reread = () => this.world.refunds.reread(start.refund);
    const work = this.keep(`refund ${start.refund.refundId}`, reread, advanceRefund(start.refund, this.world));
    const refund = await this.withinAnswerTime(work, reread);
    return { outcome: 'refund', refund, replayed: false };
  }

  /**
   * What the payer of an attempt in `requires-action` needs; undefined when that is over at the provider. One call to the
   * provider for all who ask within a second: a page that polls must not use up what the provider allows everybody.
   *
   * @throws ProviderSilent
   */
  async nextAction(attempt: Attempt): Promise<PaymentActionBody | undefined> {
    return this.actionLooks.at(attempt.attemptId, () => this.lookAtAction(attempt));
  }

  /** Waits for the payments in hand. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.running);
  }

  /** Reads the intent, and drives the attempt on where there is more to do than to wait. */
  private async lookAtAction(attempt: Attempt): Promise<PaymentActionBody | undefined> {
    const intent = await this.world.provider.readIntent(attempt);
    if (attempt.deadlinePassed || !isWaiting(readConfirmed(intent, attempt))) {
      const taken = await this.world.attempts.takeOver(attempt);
      if (taken) await this.keepPayment(taken, advance(taken, this.world, true));
    }
    const { status, nextActionUrl: url, clientSecret } = intent;
    return status === 'requires_action' ? { url, clientSecret } : undefined;
  }

  /** The same key and body again: the payment as it is now, or that the first request may still be waiting. */
  private async replay(attempt: Attempt): Promise<PayOutcome> {
    const waitedMs = attempt.serverTime.getTime() - attempt.createdAt.getTime();
    if (!isAnswer(attempt) && waitedMs < this.options.answerMs) return { outcome: 'request-in-progress' };
    const now = (await this.read(attempt.attemptId, attempt.buyerId)) ?? attempt;
    return { outcome: 'payment', attempt: now, replayed: true };
  }

  /** Drives a new attempt, through waits where nobody answers, until there is an answer or its time is up. */
  private async drive(started: Attempt): Promise<Attempt> {
    const timeUp = new AbortController();
    const work = this.keepPayment(started, this.driveOn(started, timeUp.signal));
    return this.withinAnswerTime(work, () => {
      timeUp.abort();
      return this.world.attempts.reread(started);
    });
  }

  /** What work came to, or how it stands when the answer's time is up; it goes on then. */
  private async withinAnswerTime<T extends object>(work: Promise<T>, stand: () => Promise<T>): Promise<T> {
    const late = sleep(this.options.answerMs, 'late' as const, { ref: false });
    const first = await Promise.race([work, late]);
    return first === 'late' ? stand() : first;
  }

  private async driveOn(started: Attempt, timeUp: AbortSignal): Promise<Attempt> {
    let attempt = await advance(started, this.world, false);
    while (!isAnswer(attempt) && attempt.reason !== 'unavailable' && !timeUp.aborted) {
      await sleep(LOOK_AGAIN_MS, undefined, { signal: timeUp }).catch(() => undefined);
      attempt = await this.world.attempts.reread(attempt);
      if (isAnswer(attempt) || attempt.nextAt > attempt.serverTime || timeUp.aborted) continue;
      // Whoever is first, this request or a completer: the other one sees the change.
      const taken = await this.world.attempts.takeOver(attempt);
      if (taken) attempt = await advance(taken, this.world, true);
    }
    return attempt;
  }

  private isFull(): boolean {
    return this.running.size >= this.options.inHandMax;
  }

  private keepPayment(attempt: Attempt, work: Promise<Attempt>): Promise<Attempt> {
    const name = `payment ${attempt.attemptId} in ${attempt.state}`;
    return this.keep(name, () => this.world.attempts.reread(attempt), work);
  }

  /** Keeps work known until it is done, and a fault of it told, though its caller may have gone. */
  private keep<T>(name: string, reread: () => Promise<T>, work: Promise<T>): Promise<T> {
    const kept = work.catch((error: unknown) => {
      this.options.onFault(error, name);
      return reread();
    });
    this.running.add(kept);
    void kept.catch(() => undefined).finally(() => this.running.delete(kept));
    return kept;
  }
}

/** Whether there is something to tell the buyer before the answer's time is up. */
function isAnswer(attempt: Attempt): boolean {
  return hasEnded(attempt.state) || attempt.state === 'requires-action';
}

const isWaiting = (seen: Step | undefined) => seen === 'wait' || seen?.event === 'action-required';
