/**
 * Lets so many callers through in one turn of the event loop, in the order they came; the others wait for the next turn,
 * so that timers and answers come in between.
 */
export class Turns {
  private left: number;
  private readonly waiting: (() => void)[] = [];
  private turning = false;

  constructor(private readonly perTurnMax: number) {
    this.left = perTurnMax;
  }

  /** Resolves in this turn while there is room, otherwise in a later one. */
  async next(): Promise<void> {
    if (!this.turning) {
      this.turning = true;
      setImmediate(() => this.turn());
    }
    if (this.left > 0) this.left--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private turn(): void {
    const through = this.waiting.splice(0, this.perTurnMax);
    this.left = this.perTurnMax - through.length;
    this.turning = through.length > 0;
    if (this.turning) setImmediate(() => this.turn());
    for (const resolve of through) resolve();
  }
}
