import type { Broker } from '@holdfast/broker';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';

const HOLD_SECONDS = 3_600;
const TIMER_QUEUE = 'bench.naive-timers';

export interface NaiveRequest {
  eventId: string;
  seatId: string;
  buyerId: string;
  key: string;
}

/**
 * A hold as one would write it first: a transaction for each request, which locks the seat, looks, writes seat, hold and
 * ledger, and then sends a timer of its own. Neither the limit per buyer nor a replay is looked at.
 */
export class NaiveHolds {
  private constructor(
    private readonly database: Database,
    private readonly broker: Broker,
  ) {}

  static async open(database: Database, broker: Broker): Promise<NaiveHolds> {
    await broker.declare({ queues: [{ name: TIMER_QUEUE, arguments: { 'x-message-ttl': HOLD_SECONDS * 1_000 } }] });
    return new NaiveHolds(database, broker);
  }

  /** @returns whether the seat was free */
  async hold({ eventId, seatId, buyerId, key }: NaiveRequest): Promise<boolean> {
    const holdId = newId();
    const held = await this.database.transaction(async (tx) => {
      const [seat] = await tx.query<{ free: boolean; version: number }>(
        `SELECT state = 'available' OR (state = 'held' AND deadline <= now()) AS free, version
           FROM inventory.seats WHERE event_id = $1 AND seat_id = $2 FOR UPDATE`,
        [eventId, seatId],
      );
      if (!seat?.free) return false;
      await tx.query(
        `UPDATE inventory.seats SET state = 'held', hold_id = $3, deadline = now() + interval '1 hour', version = $4
          WHERE event_id = $1 AND seat_id = $2`,
        [eventId, seatId, holdId, seat.version + 1],
      );
      await tx.query(
        `INSERT INTO inventory.holds (event_id, hold_id, buyer_id, hold_key, body_hash, seat_ids, seat_count, amount_minor,
                                      held_at, first_deadline, deadline)
         VALUES ($1, $2, $3, $4, '', ARRAY[$5], 1, 4500, now(), now() + interval '1 hour', now() + interval '1 hour')`,
        [eventId, holdId, buyerId, key, seatId],
      );
      await tx.query(
        `INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, at)
         VALUES ($1, $2, $3, 'held', $4, 'buyer', now())`,
        [eventId, seatId, seat.version + 1, holdId],
      );
      return true;
    });
    if (held) {
      await this.broker.publish({ exchange: '', routingKey: TIMER_QUEUE, messageName: 'naive' }, { eventId, holdId });
    }
    return held;
  }
}
