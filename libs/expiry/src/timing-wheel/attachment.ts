/** A promise and the right to settle it. */
class Settled<T> {
  settle!: (value: T) => void;
  readonly promise = new Promise<T>((resolve) => (this.settle = resolve));
}

/** The time from a consumer's beginning to the loss of its channel: within it, who is the active consumer stays so. */
export class Attachment {
  /** The claim under way or through; undefined while nothing was delivered, as long as another consumer is the active one. */
  claim: Promise<void> | undefined;
  over = false;
  private kept: string | undefined;
  private expected: string | undefined;
  private readonly named = new Settled<string | undefined>();
  private ready = new Settled<boolean>();
  private change = new Settled<void>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly pauses = new Set<() => void>();
  private readonly end = new Settled<void>();

  /** @param before the claim of the attachment before this one, which may still be at work on the shard */
  constructor(readonly before?: Promise<void>) {}

  /** Resolves when the attachment is over. */
  get ended(): Promise<void> {
    return this.end.promise;
  }

  /** Resolves `true` when the shard may be used, `false` when the attachment ended before. */
  get claimed(): Promise<boolean> {
    return this.ready.promise;
  }

  /** Resolves when another baton is kept than before, or none any more. */
  get batonChanged(): Promise<void> {
    return this.change.promise;
  }

  /** Tells the journal that the first baton named. */
  name(journalId: string): void {
    this.named.settle(journalId);
  }

  /** The journal that a baton names, undefined when none came in time. */
  journalNamed(withinMs: number): Promise<string | undefined> {
    this.after(withinMs, () => this.named.settle(undefined));
    return this.named.promise;
  }

  open(): void {
    this.ready.settle(true);
  }

  /** The shard must be claimed again, before anything else goes into it. */
  reopen(): void {
    this.ready = new Settled();
    if (this.over) this.ready.settle(false);
    this.claim = undefined;
  }

  /** Whether this baton is the one that this worker keeps, or will be as soon as its publish is confirmed. */
  keeps(batonId: string): boolean {
    return batonId === this.kept || batonId === this.expected;
  }

  /** A baton is on its way to the queue, and may be delivered before that is confirmed. Undefined: it never was. */
  expect(batonId: string | undefined): void {
    this.expected = batonId;
    this.changed();
  }

  /** From now on this baton is the one to keep; any other may go. */
  keep(batonId: string): void {
    this.kept = batonId;
    this.expect(undefined);
  }

  /** Waits, no longer than the attachment lasts. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.over) return resolve();
      const wake = (): void => {
        this.pauses.delete(wake);
        resolve();
      };
      this.pauses.add(wake);
      this.after(ms, wake);
    });
  }

  /** Calls `act` after a time, if the attachment lasts that long. */
  after(ms: number, act: () => void): void {
    if (this.over) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, ms);
    this.timers.add(timer);
  }

  finish(): void {
    this.over = true;
    for (const timer of this.timers) clearTimeout(timer);
    for (const wake of this.pauses) wake();
    this.named.settle(undefined);
    this.ready.settle(false);
    this.changed();
    this.end.settle();
  }

  private changed(): void {
    this.change.settle();
    this.change = new Settled();
  }
}
