import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@holdfast/postgres';

const LOOK_MS = 25;

interface Waiting {
  resolve: (state: string | undefined) => void;
  giveUpAtMs: number;
}

/** Waits for the end of many payments at once, with one look at the table for all of them. */
export class AttemptEnds {
  private readonly waiting = new Map<string, Waiting>();
  private looking: Promise<void> | undefined;

  constructor(
    private readonly db: Database,
    private readonly eventId: string,
  ) {}

  /** @returns the state in which the hold's last attempt ended; undefined when there is none that has, in time */
  whenEnded(holdId: string, withinMs: number): Promise<string | undefined> {
    const ended = new Promise<string | undefined>((resolve) => {
      this.waiting.set(holdId, { resolve, giveUpAtMs: performance.now() + withinMs });
    });
    this.looking ??= this.look().finally(() => (this.looking = undefined));
    return ended;
  }

  private async look(): Promise<void> {
    while (this.waiting.size > 0) {
      const rows = await this.db.query<{ holdId: string; state: string }>(
        `SELECT hold_id AS "holdId", (array_agg(state::text ORDER BY created_at DESC))[1] AS state
           FROM payments.attempts a WHERE event_id = $1 AND hold_id = ANY ($2::uuid[])
          GROUP BY hold_id
         HAVING bool_and(ended_at IS NOT NULL AND NOT EXISTS (
                  SELECT FROM payments.refunds r
                   WHERE r.event_id = a.event_id AND r.attempt_id = a.attempt_id AND r.ended_at IS NULL))`,
        [this.eventId, [...this.waiting.keys()]],
      );
      for (const { holdId, state } of rows) this.tell(holdId, state);
      for (const [holdId, { giveUpAtMs }] of this.waiting) {
        if (performance.now() > giveUpAtMs) this.tell(holdId, undefined);
      }
      await sleep(LOOK_MS);
    }
  }

  private tell(holdId: string, state: string | undefined): void {
    this.waiting.get(holdId)?.resolve(state);
    this.waiting.delete(holdId);
  }
}
