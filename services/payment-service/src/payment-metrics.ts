import type { Metrics } from '@holdfast/observability';
import type { State } from './attempt-lifecycle';
import type { OldestAttempt } from './attempts';
import type { BreakKind } from './breaks';
import type { RefundState } from './refund-lifecycle';
import type { OldestRefund } from './refunds';
import type { WebhookVerdict } from './webhooks';

/** What waits: for the provider, for the bank, for people. */
export interface PaymentFigures {
  breaks: { kind: BreakKind; open: number }[];
  attempts: OldestAttempt[];
  refunds: OldestRefund[];
}

/** How payments and refunds end, and how long those that have no end yet have been waiting. */
export class PaymentMetrics {
  private readonly moves;
  private readonly refundMoves;
  private readonly webhooksReceived;
  private readonly breaksOpen;
  private readonly unfinishedPayment;
  private readonly unfinishedRefund;

  constructor(metrics: Metrics) {
    this.moves = metrics.counter('payment_moves', 'Payment attempts that came to a state.', ['state']);
    this.refundMoves = metrics.counter('refund_moves', 'Refunds that came to a state.', ['state']);
    this.webhooksReceived = metrics.counter(
      'provider_webhooks_received',
      'Webhooks of the payment provider, by what was made of them.',
      ['verdict'],
    );
    this.breaksOpen = metrics.gauge('payment_breaks_open', 'Breaks that nobody has resolved.', ['kind']);
    this.unfinishedPayment = metrics.gauge(
      'unfinished_payment_seconds',
      'Age of the oldest payment attempt in a state that is no end; a state without any is not named.',
      ['state'],
    );
    this.unfinishedRefund = metrics.gauge(
      'unfinished_refund_seconds',
      'Age of the oldest refund in a state that is no end; a state without any is not named.',
      ['state'],
    );
  }

  moved(state: State): void {
    this.moves.inc({ state });
  }

  refundMoved(state: RefundState): void {
    this.refundMoves.inc({ state });
  }

  webhookReceived(verdict: WebhookVerdict): void {
    this.webhooksReceived.inc({ verdict });
  }

  /** Nobody can read between these lines: a scrape never finds a figure gone for a moment. */
  stand({ breaks, attempts, refunds }: PaymentFigures): void {
    for (const gauge of [this.breaksOpen, this.unfinishedPayment, this.unfinishedRefund]) gauge.reset();
    for (const { kind, open } of breaks) this.breaksOpen.set({ kind }, open);
    for (const { state, seconds } of attempts) this.unfinishedPayment.set({ state }, seconds);
    for (const { state, seconds } of refunds) this.unfinishedRefund.set({ state }, seconds);
  }
}
