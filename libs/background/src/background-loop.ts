import type { LoggerService } from '@nestjs/common';

/** After a pass that failed: long enough not to storm a server that is away, short enough to go on soon after. */
const PAUSE_AFTER_FAILURE_MS = 500;

/**
 * Runs one pass after another until stopped, with the pause each pass asks for. A pass that throws is tried again; the
 * failure is logged when it starts and when it ends, not every time.
 */
export class BackgroundLoop {
  private stopped = false;
  private woken = false;
  private endPause: () => void = () => undefined;
  private running: Promise<void> | undefined;

  /** @param pass does a bounded piece of work and answers how many milliseconds to wait before the next */
  constructor(
    private readonly name: string,
    private readonly pass: () => Promise<number>,
    private readonly logger: LoggerService,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Ends the current pause, or skips the next one when a pass is running. */
  wake(): void {
    this.woken = true;
    this.endPause();
  }

  /** Resolves when the pass in flight has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.endPause();
    await this.running;
  }

  private async run(): Promise<void> {
    let failing = false;
    while (!this.stopped) {
      this.woken = false;
      let pauseMs = PAUSE_AFTER_FAILURE_MS;
      try {
        pauseMs = await this.pass();
        if (failing) this.logger.log(`${this.name}: works again`);
        failing = false;
      } catch (error) {
        if (!failing) this.logger.warn(`${this.name}: failed, trying again: ${String(error)}`);
        failing = true;
      }
      // A hint must not turn a failing pass into a storm.
      if (pauseMs > 0 && (failing || !this.woken)) await this.pause(pauseMs, !failing);
    }
  }

  private async pause(pauseMs: number, wakeable: boolean): Promise<void> {
    if (this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.endPause = () => {
        if (!wakeable && !this.stopped) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
