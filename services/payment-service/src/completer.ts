import { advance, hasEnded, type World } from './attempt-lifecycle';
import type { Attempt } from './attempts';

/** Attempts one instance works on at a time. */
const TAKEN_UP_MAX = 20;

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
  private timer: NodeJS.Timeout | undefined;
  private pass: Promise<number> | undefined;

  constructor(
    private readonly world: World,
    private readonly options: CompleterOptions,
  ) {}

  start(): void {
    this.timer = setTimeout(() => void this.tick(), this.options.everyMs);
  }

  /** Takes nothing up any more, and waits for what is in hand. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.pass;
  }

  /**
   * One pass over what is due now.
   *
   * @returns how many attempts were taken up
   */
  async run(): Promise<number> {
    let taken: Attempt[];
    try {
      taken = await this.world.attempts.takeUp(TAKEN_UP_MAX);
    } catch (error) {
      this.options.onFault(error, undefined);
      return 0;
    }
    await Promise.all(taken.map((attempt) => this.complete(attempt)));
    return taken.length;
  }

  private async tick(): Promise<void> {
    this.pass = this.run();
    const taken = await this.pass;
    if (!this.timer) return;
    // A full pass means that more is due.
    this.timer = setTimeout(() => void this.tick(), taken < TAKEN_UP_MAX ? this.options.everyMs : 0);
  }

  private async complete(attempt: Attempt): Promise<void> {
    try {
      if (!hasEnded(attempt.state)) await advance(attempt, this.world, true);
    } catch (error) {
      this.options.onFault(error, attempt);
    }
  }
}
