import type { DueOutcome, EngineCounts, ExpiryEngine, ExpiryEngineName } from '@holdfast/expiry';
import type { ExpireOutcome } from '@holdfast/inventory';
import { LATENESS_SECONDS, type Metrics } from '@holdfast/observability';

/**
 * The figures of the expiry promise: how many holds were released, by whom, and how late. The label `engine` names the
 * engine that did it; for what the sweeper did, the one that should have.
 */
export class ReleaseMetrics {
  private readonly due;
  private readonly lookedAgain;
  private readonly released;
  private readonly swept;
  private readonly lateness;
  private readonly entriesPublished;
  private readonly ledgerLag;
  private readonly deadLetters;

  constructor(private readonly metrics: Metrics) {
    this.due = metrics.counter('due_holds', 'Holds the engine reported as due, repeats included.', ['engine']);
    this.lookedAgain = metrics.counter(
      'holds_looked_again',
      'Holds reported before their deadline: extended, or early.',
      ['engine'],
    );
    this.released = metrics.counter('released_holds', 'Holds released when the engine reported them due.', ['engine']);
    this.swept = metrics.counter('swept_releases', 'Holds the sweeper released because no timer had: lost timers.', [
      'engine',
    ]);
    this.lateness = metrics.seconds(
      'hold_lateness',
      "From a hold's deadline to its release, both by the database's clock.",
      LATENESS_SECONDS,
      ['by', 'engine'],
    );
    this.entriesPublished = metrics.counter('ledger_entries_published', 'Ledger entries confirmed by RabbitMQ.');
    this.ledgerLag = metrics.gauge('ledger_lag_seconds', 'Age of the oldest ledger entry not published yet.');
    this.deadLetters = metrics.gauge('dead_letters', 'Messages of any service that were given up and wait for people.');
  }

  /** The engines this worker listens to. Their counters show a zero from the start: a rise from nothing is no alarm. */
  listensTo(engines: { name: ExpiryEngineName; engine: Pick<ExpiryEngine, 'counts'> }[]): void {
    for (const { name: engine } of engines) {
      for (const counter of [this.due, this.lookedAgain, this.released, this.swept]) counter.inc({ engine }, 0);
    }
    const counted = (noun: string, help: string, read: (counts: EngineCounts) => number | undefined) =>
      this.metrics.counted(noun, help, 'engine', () =>
        engines.map(({ name, engine }) => [name, read(engine.counts) ?? 0]),
      );
    counted('timer_hops', 'Holds whose timer was sent on to a further wait.', ({ hops }) => hops);
    counted('timers_recovered', "Holds found by the engine's own fallback, late.", ({ recovered }) => recovered);
    counted('timers_missed', 'Holds that ran out while the engine was not listening.', ({ missed }) => missed);
  }

  /** The engine reported holds, and this became of them. */
  reportedDue(engine: ExpiryEngineName, holds: number, { again }: DueOutcome): void {
    this.due.inc({ engine }, holds);
    const early = again.reduce((sum, { holdIds }) => sum + holdIds.length, 0);
    this.lookedAgain.inc({ engine }, early);
  }

  releasedByEngine(engine: ExpiryEngineName, outcomes: ExpireOutcome[]): void {
    this.released.inc({ engine }, this.observe('engine', engine, outcomes));
  }

  /** @param engine that should have released them */
  releasedBySweeper(engine: ExpiryEngineName, outcomes: ExpireOutcome[]): void {
    this.swept.inc({ engine }, this.observe('sweeper', engine, outcomes));
  }

  /** A message with so many entries was confirmed. */
  published(entries: number): void {
    this.entriesPublished.inc(entries);
  }

  /** @param oldest when the oldest unpublished entry was made; null when there is none */
  lag(oldest: Date | null, now: number): void {
    this.ledgerLag.set(oldest ? Math.max(0, now - oldest.getTime()) / 1_000 : 0);
  }

  /** @param waiting messages that were given up, by whichever service */
  givenUp(waiting: number): void {
    this.deadLetters.set(waiting);
  }

  /** How late each hold of a batch was released; answers how many were. */
  private observe(by: 'engine' | 'sweeper', engine: ExpiryEngineName, outcomes: ExpireOutcome[]): number {
    const lateness = this.lateness.labels({ by, engine });
    let released = 0;
    for (const outcome of outcomes) {
      if (outcome.outcome !== 'expired') continue;
      released++;
      lateness.observe((outcome.releasedAt.getTime() - outcome.deadline.getTime()) / 1_000);
    }
    return released;
  }
}
