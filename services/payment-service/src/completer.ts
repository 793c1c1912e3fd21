import { advance, type World } from './attempt-lifecycle';
import type { Attempt } from './attempts';

/** Attempts one instance works on at a time. */
const IN_HAND_MAX = 50;

export interface CompleterOptions {
  everyMs: number;
  /** Told of faults; the attempt is taken up again when its lease has run out. */
  onFault: (error: unknown, attempt: Attempt | undefined) => void;
}

/**
 * Takes up every attempt that is not ended and that nobody works on: after a crash, after no answer, when a payer is
 * waited for. Any number of instances may run, each attempt is leased to one of them.
 */
export class Completer {
  private readonly inHand = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly world: World,
    private readonly options: CompleterOptions,
  ) {}

  /** Looks for unfinished attempts from now on, every `everyMs`. */
  start(): void {
    this.timer = setTimeout(() => void this.tick(), this.options.everyMs);
  }

  /** Takes nothing up any more, and waits for what is in hand. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.looking;
    await Promise.all(this.inHand);
  }

  /**
   * Takes up what is due now and sees it through.
   *
   * @returns how many attempts were taken up
   */
  async run(): Promise<number> {
    const taken = await this.takeUp();
    await Promise.all(taken);
    return taken.length;
  }

  /** Looks again soon, whether or not the last ones are done: one that hangs keeps no other waiting. */
  private async tick(): Promise<void> {
    this.looking = this.takeUp();
    await this.looking;
    if (this.timer) this.timer = setTimeout(() => void this.tick(), this.options.everyMs);
  }

  private async takeUp(): Promise<Promise<void>[]> {
    const free = IN_HAND_MAX - this.inHand.size;
    if (free === 0) return [];
    try {
      const attempts = await this.world.attempts.takeUp(free);
      return attempts.map((attempt) => this.hold(this.complete(attempt)));
    } catch (error) {
      this.options.onFault(error, undefined);
      return [];
    }
  }

  private hold(work: Promise<void>): Promise<void> {
    this.inHand.add(work);
    return work.finally(() => this.inHand.delete(work));
  }

  private async complete(attempt: Attempt): Promise<void> {
    try {
      await advance(attempt, this.world, true);
    } catch (error) {
      this.options.onFault(error, attempt);
    }
  }
}
