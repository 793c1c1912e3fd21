/** Holds of one event that run out at the same moment: what one message carries. */
export interface Timer {
  eventId: string;
  deadline: Date;
  holdIds: string[];
}

/** How an engine sends a timer on its way through RabbitMQ into a due queue. Buffer and due queue are the same for each. */
export interface TimerTransport {
  /** Declares what it needs on the broker; rejects with a plain sentence when the broker cannot have it. */
  prepare(): Promise<void>;
  /**
   * Resolves when the broker has taken the timer over, rejects when that is not certain; sending twice is harmless.
   *
   * @param remainingMs from now to the deadline, by the database's clock; may be negative
   */
  send(timer: Timer, remainingMs: number): Promise<void>;
}
