import type { DueOutcome } from '@holdfast/expiry';
import type { ExpireOutcome } from '@holdfast/inventory';
import { LATENESS_SECONDS, type Metrics } from '@holdfast/observability';

/** The figures of the expiry promise: how many holds were released, by whom, and how late. */
export class ReleaseMetrics {
  private readonly due;
  private readonly lookedAgain;
  private readonly released;
  private readonly swept;
  private readonly lateness;
  private readonly entriesPublished;
  private readonly ledgerLag;

  constructor(metrics: Metrics) {
    this.due = metrics.counter('due_holds', 'Holds the engine reported as due, repeats included.');
    this.lookedAgain = metrics.counter(
      'holds_looked_again',
      'Holds reported before their deadline: extended, or early.',
    );
    this.released = metrics.counter('released_holds', 'Holds released when the engine reported them due.');
    this.swept = metrics.counter('swept_releases', 'Holds the sweeper released because no timer had: lost timers.');
    this.lateness = metrics.seconds(
      'hold_lateness',
      "From a hold's deadline to its release, both by the database's clock.",
      LATENESS_SECONDS,
      ['by'],
    );
    this.entriesPublished = metrics.counter('ledger_entries_published', 'Ledger entries confirmed by RabbitMQ.');
    this.ledgerLag = metrics.gauge('ledger_lag_seconds', 'Age of the oldest ledger entry not published yet.');
  }

  /** The engine reported holds, and this became of them. */
  reportedDue(holds: number, { again }: DueOutcome): void {
    this.due.inc(holds);
    this.lookedAgain.inc(again.reduce((sum, { holdIds }) => sum + holdIds.length, 0));
  }

  /** Counts what was released in a batch, and how late. */
  releasedBy(by: 'engine' | 'sweeper', outcomes: ExpireOutcome[]): void {
    for (const outcome of outcomes) {
      if (outcome.outcome !== 'expired') continue;
      (by === 'engine' ? this.released : this.swept).inc();
      this.lateness.observe({ by }, (outcome.releasedAt.getTime() - outcome.deadline.getTime()) / 1_000);
    }
  }

  /** A message with so many entries was confirmed. */
  published(entries: number): void {
    this.entriesPublished.inc(entries);
  }

  /** @param oldest when the oldest unpublished entry was made; null when there is none */
  lag(oldest: Date | null, now: number): void {
    this.ledgerLag.set(oldest ? Math.max(0, now - oldest.getTime()) / 1_000 : 0);
  }
}
