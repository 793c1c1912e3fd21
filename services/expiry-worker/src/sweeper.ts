import { BackgroundLoop } from '@holdfast/background';
import { dueHolds, expire, type ExpireOutcome } from '@holdfast/inventory';
import { SeldomLines } from '@holdfast/observability';
import type { Database } from '@holdfast/postgres';
import type { LoggerService } from '@nestjs/common';

const SWEEP_EVERY_MS = 500;
/** Younger ones are the engine's: the sweeper only takes up what the prompt path has missed. */
const OVERDUE_MS = 500;
const HOLDS_PER_PASS_MAX = 500;

/** Releases holds that the prompt path missed, under every engine. Safe on several instances at once. */
export class Sweeper {
  private readonly loop: BackgroundLoop;
  private readonly seldom = new SeldomLines();
  private settled = false;

  /**
   * @param inHand whether this worker is about to release the hold anyway: in a rush the prompt path may be half a second
   *        behind, and doing its work twice would not help it
   * @param swept called with the outcomes of every release
   */
  constructor(
    private readonly database: Database,
    private readonly inHand: (eventId: string, holdId: string) => boolean,
    private readonly swept: (eventId: string, outcomes: ExpireOutcome[]) => void,
    private readonly logger: LoggerService,
  ) {
    this.loop = new BackgroundLoop('sweeper', () => this.pass(), logger);
  }

  start(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
  }

  /** Releases up to one pass's worth of overdue holds; answers how many there were and how many of them it released. */
  async sweep(): Promise<{ overdue: number; released: number }> {
    const due = await dueHolds(this.database, { overdueMs: OVERDUE_MS, limit: HOLDS_PER_PASS_MAX });
    let overdue = 0;
    let released = 0;
    for (const { eventId, holdIds: found } of due) {
      const holdIds = found.filter((holdId) => !this.inHand(eventId, holdId));
      if (holdIds.length === 0) continue;
      const outcomes = await expire(this.database, eventId, holdIds, 'swept');
      this.swept(eventId, outcomes);
      overdue += holdIds.length;
      released += outcomes.filter(({ outcome }) => outcome === 'expired').length;
    }
    return { overdue, released };
  }

  private async pass(): Promise<number> {
    const { overdue, released } = await this.sweep();
    // What ran out while no worker was there is found right after the start; later it means that timers get lost.
    if (released > 0 && this.settled) this.warn(`sweeper: released ${released} holds that no timer had released`);
    else if (released > 0) this.logger.log(`sweeper: released ${released} holds that ran out before the start`);
    if (overdue >= HOLDS_PER_PASS_MAX && released > 0) return 0;
    this.settled = true;
    return SWEEP_EVERY_MS;
  }
  /** With RabbitMQ away it happens at every pass. */
  private warn(line: string): void {
    const said = this.seldom.next('swept', line);
    if (said) this.logger.warn(said);
  }
}
