import { SingleBar } from 'cli-progress';
import type { Tally } from './tally';

const EVERY_MS = 250;
/** Without a terminal: a plain line this often. */
const PLAIN_EVERY_MS = 2_000;

/** Tells on standard error how the crowd gets on: a bar on a terminal, plain lines elsewhere. */
export class Progress {
  private bar?: SingleBar;
  private timer?: NodeJS.Timeout;

  readonly say = (line: string): void => {
    this.stop();
    process.stderr.write(`${line}\n`);
  };

  start(buyers: number, tally: Tally): void {
    const bar = new SingleBar({
      stream: process.stderr,
      format: '{bar} {value} of {total} buyers left, {served} got seats, {refused} refusals, {seconds} s',
      noTTYOutput: !process.stderr.isTTY,
      notTTYSchedule: PLAIN_EVERY_MS,
      hideCursor: true,
    });
    const startedAt = performance.now();
    const figures = () => ({
      served: tally.served,
      refused: tally.refused,
      seconds: Math.round((performance.now() - startedAt) / 1_000),
    });
    bar.start(buyers, 0, figures());
    this.bar = bar;
    this.timer = setInterval(() => bar.update(tally.done, figures()), EVERY_MS);
  }

  /** Safe to call again. */
  stop(): void {
    clearInterval(this.timer);
    this.bar?.stop();
    this.bar = undefined;
  }
}
