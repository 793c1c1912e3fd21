interface Waiting<Ask, Answer> {
  ask: Ask;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/**
 * Collects what is asked within one turn of the event loop, per event, and has it answered together. In a rush a turn
 * brings dozens of requests; a script each cost Redis, its client and the circuit breaker as much as the rest of the hold.
 */
export class TurnBatches<Ask, Answer> {
  private waiting = new Map<string, Waiting<Ask, Answer>[]>();

  /** @param answer an answer for each ask, in their order; where it rejects, each of them is rejected by it */
  constructor(private readonly answer: (eventId: string, asks: Ask[]) => Promise<Answer[]>) {}

  ask(eventId: string, ask: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      // After everything that arrived in this turn has been read from its socket; microtasks would come between.
      if (this.waiting.size === 0) setImmediate(() => this.flush());
      const batch = this.waiting.get(eventId);
      if (batch) batch.push({ ask, resolve, reject });
      else this.waiting.set(eventId, [{ ask, resolve, reject }]);
    });
  }

  private flush(): void {
    const waiting = this.waiting;
    this.waiting = new Map();
    for (const [eventId, batch] of waiting) void this.settle(eventId, batch);
  }

  private async settle(eventId: string, batch: Waiting<Ask, Answer>[]): Promise<void> {
    try {
      const answers = await this.answer(
        eventId,
        batch.map(({ ask }) => ask),
      );
      batch.forEach(({ resolve }, i) => resolve(answers[i] as Answer));
    } catch (error) {
      batch.forEach(({ reject }) => reject(error));
    }
  }
}
