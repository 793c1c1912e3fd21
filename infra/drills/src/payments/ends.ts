import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@holdfast/postgres';

const LOOK_MS = 25;

interface Waiting {
  what: 'payment' | 'refund';
  resolve: (state: string | undefined) => void;
  giveUpAtMs: number;
}

/** Waits for the end of many payments and refunds at once, with one look at the tables for all of them. */
export class Ends {
  private readonly waiting = new Map<string, Waiting>();
  private looking: Promise<void> | undefined;

  constructor(
    private readonly db: Database,
    private readonly eventIds: string[],
  ) {}

  /** @returns the state in which the hold's last attempt ended; undefined when there is none that has, in time */
  payment(holdId: string, withinMs: number): Promise<string | undefined> {
    return this.when(holdId, 'payment', withinMs);
  }

  /** @returns the state in which a refund of the hold's payment ended; undefined when there is none that has, in time */
  refund(holdId: string, withinMs: number): Promise<string | undefined> {
    return this.when(holdId, 'refund', withinMs);
  }

  private when(holdId: string, what: Waiting['what'], withinMs: number): Promise<string | undefined> {
    const ended = new Promise<string | undefined>((resolve) => {
      this.waiting.set(holdId, { what, resolve, giveUpAtMs: performance.now() + withinMs });
    });
    this.looking ??= this.look().finally(() => (this.looking = undefined));
    return ended;
  }

  private async look(): Promise<void> {
    while (this.waiting.size > 0) {
      const rows = await this.db.query<{ holdId: string; payment: string | null; refund: string | null }>(endsSql, [
        this.eventIds,
        [...this.waiting.keys()],
      ]);
      for (const { holdId, ...ended } of rows) {
        const state = ended[this.waiting.get(holdId)?.what ?? 'payment'];
        if (state) this.tell(holdId, state);
      }
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

/**
 * A payment has ended with the refunds that it left behind by itself; NULL while something is under way.
 *
 * $1 events · $2 holds
 */
const endsSql = `
SELECT a.hold_id AS "holdId",
       CASE WHEN bool_and(a.ended_at IS NOT NULL AND (r.refund_id IS NULL OR r.ended_at IS NOT NULL))
            THEN (array_agg(a.state::text ORDER BY a.created_at DESC))[1] END AS payment,
       CASE WHEN bool_and(r.refund_id IS NOT NULL AND r.ended_at IS NOT NULL) THEN min(r.state::text) END AS refund
  FROM payments.attempts a
  LEFT JOIN payments.refunds r ON r.event_id = a.event_id AND r.attempt_id = a.attempt_id
 WHERE a.event_id = ANY ($1::uuid[]) AND a.hold_id = ANY ($2::uuid[])
 GROUP BY a.hold_id`;
