import { advance, type World } from './attempt-lifecycle';
import { advanceRefund, type RefundWorld } from './refund-lifecycle';

/** Pieces of work one instance has in hand at a time, of each kind. */
const IN_HAND_MAX = 50;

/** Something unfinished that was taken up. */
export interface Unfinished {
  /** For the log: what it is, and how far it has come. */
  name: string;
  /** Sees it through as far as it goes now. */
  complete: () => Promise<unknown>;
}

/** Takes up to `limit` of one kind that are due and that nobody works on. Each is leased to the caller. */
export type TakeUp = (limit: number) => Promise<Unfinished[]>;

export interface CompleterOptions {
  everyMs: number;
  /** Told of faults; what failed is taken up again when its lease has run out. */
  onFault: (error: unknown, what: string) => void;
}

/** Payment attempts that have not ended. */
export const unfinishedAttempts =
  (world: World): TakeUp =>
  async (limit) => {
    const attempts = await world.attempts.takeUp(limit);
    return attempts.map((attempt) => ({
      name: `payment ${attempt.attemptId} in ${attempt.state}`,
      complete: () => advance(attempt, world, true),
    }));
  };

/** Refunds that have not ended. */
export const unfinishedRefunds =
  (world: RefundWorld): TakeUp =>
  async (limit) => {
    const refunds = await world.refunds.takeUp(limit);
    return refunds.map((refund) => ({
      name: `refund ${refund.refundId} in ${refund.state}`,
      complete: () => advanceRefund(refund, world),
    }));
  };

/**
 * Takes up everything that is not ended and that nobody works on: after a crash, after no answer, when a payer is waited
 * for. Any number of instances may run, each piece of work is leased to one of them.
 */
export class Completer {
  private readonly inHand = new Map<TakeUp, Set<Promise<void>>>();
  private running: Promise<void> | undefined;
  private stopped = false;
  private woken = false;
  private endPause: () => void = () => undefined;

  constructor(
    kinds: TakeUp[],
    private readonly options: CompleterOptions,
  ) {
    for (const takeUp of kinds) this.inHand.set(takeUp, new Set());
  }

  /** Looks for unfinished work from now on, every `everyMs`. */
  start(): void {
    this.running ??= this.keepLooking();
  }

  /** Something may be due: looks at once, or once more after the present look. */
  wake(): void {
    this.woken = true;
    this.endPause();
  }

  /** Takes nothing up any more, and waits for what is in hand. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.endPause();
    await this.running;
    await Promise.all([...this.inHand.values()].flatMap((works) => [...works]));
  }

  /**
   * Takes up what is due now and sees it through.
   *
   * @returns how many pieces were taken up
   */
  async run(): Promise<number> {
    const taken = await this.look();
    await Promise.all(taken);
    return taken.length;
  }

  /** Looks again soon, whether or not the last ones are done: one that hangs keeps no other waiting. */
  private async keepLooking(): Promise<void> {
    while (!this.stopped) {
      this.woken = false;
      void (await this.look());
      if (!this.woken && !this.stopped) await this.pause();
    }
  }

  private async pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.options.everyMs);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async look(): Promise<Promise<void>[]> {
    const kinds = [...this.inHand];
    return (await Promise.all(kinds.map(([takeUp, works]) => this.takeUp(takeUp, works)))).flat();
  }

  private async takeUp(takeUp: TakeUp, works: Set<Promise<void>>): Promise<Promise<void>[]> {
    const free = IN_HAND_MAX - works.size;
    if (free === 0) return [];
    try {
      return (await takeUp(free)).map((unfinished) => this.hold(this.complete(unfinished), works));
    } catch (error) {
      this.options.onFault(error, 'looking for unfinished work');
      return [];
    }
  }

  private hold(work: Promise<void>, works: Set<Promise<void>>): Promise<void> {
    works.add(work);
    return work.finally(() => works.delete(work));
  }

  private async complete({ name, complete }: Unfinished): Promise<void> {
    try {
      await complete();
    } catch (error) {
      this.options.onFault(error, name);
    }
  }
}
