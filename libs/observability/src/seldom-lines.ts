/** Long enough that an outage fills no disk, short enough that the last lines of a log tell of now. */
export const SAME_LINE_EVERY_MS = 10_000;

/**
 * Lets lines of one kind through once in ten seconds. While a server is away every request is refused for the same
 * reason, thousands a second in a sale: metrics count them, the log need not.
 */
export class SeldomLines {
  private readonly said = new Map<string, { atMs: number; leftOut: number }>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /**
   * @param kind one of a fixed few: each is remembered
   * @returns the line, with how many of its kind were left out before it; undefined when it is to be left out itself
   */
  next(kind: string, line: string): string | undefined {
    const nowMs = this.nowMs();
    const last = this.said.get(kind);
    if (last && nowMs - last.atMs < SAME_LINE_EVERY_MS) {
      last.leftOut++;
      return undefined;
    }
    this.said.set(kind, { atMs: nowMs, leftOut: 0 });
    return last?.leftOut ? `${line} (${last.leftOut} such lines left out since the last)` : line;
  }
}
