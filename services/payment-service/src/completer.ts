import { BackgroundLoop } from '@holdfast/background';
import type { LoggerService } from '@nestjs/common';
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
  /** How often it looks. */
  everyMs: number;
  /** Told of faults of the work; what failed is taken up again when its lease has run out. */
  onFault: (error: unknown, what: string) => void;
  /** Told when looking begins to fail, and when it works again. */
  logger: LoggerService;
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
  private readonly loop: BackgroundLoop;

  constructor(
    kinds: TakeUp[],
    private readonly options: CompleterOptions,
  ) {
    for (const takeUp of kinds) this.inHand.set(takeUp, new Set());
    this.loop = new BackgroundLoop('unfinished payments', () => this.pass(), options.logger);
  }

  /** Looks for unfinished work from now on, every `everyMs`. */
  start(): void {
    this.loop.start();
  }

  /** Something may be due: looks at once, or once more after the present look. */
  wake(): void {
    this.loop.wake();
  }

  /** Takes nothing up any more, and waits for what is in hand. */
  async stop(): Promise<void> {
    await this.loop.stop();
    await Promise.all([...this.inHand.values()].flatMap((works) => [...works]));
  }

  /**
   * Takes up what is due now and sees it through.
   *
   * @returns how many pieces were taken up
   * @throws whatever taking up does
   */
  async run(): Promise<number> {
    const taken = await this.look();
    await Promise.all(taken);
    return taken.length;
  }

  /** Waits for none of what it takes up: one that hangs keeps no other waiting. */
  private async pass(): Promise<number> {
    void (await this.look());
    return this.options.everyMs;
  }

  private async look(): Promise<Promise<void>[]> {
    const looks = [...this.inHand].map(([takeUp, works]) => this.takeUp(takeUp, works));
    // Waited for all, also when one fails: nothing is taken up behind the back of `stop`.
    await Promise.allSettled(looks);
    return (await Promise.all(looks)).flat();
  }

  private async takeUp(takeUp: TakeUp, works: Set<Promise<void>>): Promise<Promise<void>[]> {
    const free = IN_HAND_MAX - works.size;
    if (free === 0) return [];
    return (await takeUp(free)).map((unfinished) => this.hold(this.complete(unfinished), works));
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
