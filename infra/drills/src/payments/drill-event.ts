import { randomUUID } from 'node:crypto';
import { expire, hold, unbook } from '@holdfast/inventory';
import { PLAIN_CATEGORY, plainPlan } from '@holdfast/plan';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import type { Stage } from '../stage';

export const SEAT_PRICE_MINOR = 4_500;
const SEATS_PER_HOLD = 2;

/** What an event does with who pays after the deadline. */
export type LatePolicy = 'void' | 'same-seats-if-free';

export interface Held {
  eventId: string;
  holdId: string;
  buyerId: string;
  seatIds: string[];
}

/** An event of the drill's own, whose seats are held one pair after another, and whose time is moved by data. */
export class DrillEvent {
  private nextSeat = 0;

  private constructor(
    private readonly db: Database,
    readonly eventId: string,
    private readonly seats: number,
  ) {}

  /** Made over HTTP, as any organiser would. */
  static async create(
    stage: Pick<Stage, 'url' | 'organiserToken'>,
    db: Database,
    seats: number,
    latePayment: LatePolicy,
  ): Promise<DrillEvent> {
    const answer = await fetch(`${stage.url}/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${stage.organiserToken}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
      body: JSON.stringify({
        name: 'Drill',
        currency: 'EUR',
        plan: plainPlan(seats),
        prices: { [PLAIN_CATEGORY]: SEAT_PRICE_MINOR },
        sale: { holdSeconds: 3_600, payGraceSeconds: 0, latePayment },
      }),
    });
    if (answer.status !== 201) throw new Error(`The event was refused: ${await answer.text()}`);
    return new DrillEvent(db, ((await answer.json()) as { eventId: string }).eventId, seats);
  }

  /** To move the time of holds that somebody else has made. */
  static existing(db: Database, eventId: string): DrillEvent {
    return new DrillEvent(db, eventId, 0);
  }

  /** Two fresh seats for a buyer who has never been here. */
  async hold(): Promise<Held> {
    const from = this.nextSeat;
    this.nextSeat += SEATS_PER_HOLD;
    if (this.nextSeat > this.seats) throw new Error('The drill has no seats left.');
    return this.take([`S${from}`, `S${from + 1}`]);
  }

  /** The hold's deadline was in the past all along: for its seats, its row and whoever was told of it. */
  async runOut(held: Held): Promise<void> {
    await this.moveDeadline(held, -1_000);
  }

  /** @param fromNowMs by the database's clock */
  async moveDeadline({ eventId, holdId }: Held, fromNowMs: number): Promise<void> {
    const moved = `deadline = clock_timestamp() + $3::float8 * interval '1 ms'`;
    for (const rows of [
      `inventory.seats SET ${moved} WHERE state = 'held' AND`,
      `inventory.holds SET ${moved} WHERE state = 'held' AND`,
      `payments.attempts SET ${moved} WHERE deadline IS NOT NULL AND ended_at IS NULL AND`,
    ]) {
      await this.db.query(`UPDATE ${rows} event_id = $1 AND hold_id = $2`, [eventId, holdId, fromNowMs]);
    }
  }

  /** What the expiry-worker does at the deadline. */
  async expire({ eventId, holdId }: Held): Promise<void> {
    await expire(this.db, eventId, [holdId], 'due');
  }

  /** Somebody else takes the seats of a hold that ran out, unless they were booked before. */
  async takeOver(held: Held): Promise<void> {
    await this.take(held.seatIds, true);
  }

  /** Somebody else gives the seats of a payment back. */
  async unbook({ eventId, holdId, seatIds }: Held, attemptId: string): Promise<void> {
    await unbook(this.db, eventId, [{ attemptId, holdId, seatIds, reason: 'drill' }]);
  }

  private async take(seatIds: string[], mayBeTaken = false): Promise<Held> {
    const { eventId } = this;
    const [holdId, buyerId] = [newId(), `buyer-${newId()}`];
    const request = { holdId, buyerId, key: holdId, bodyHash: Buffer.from(holdId), seatIds };
    for (;;) {
      const [outcome] = await hold(this.db, eventId, [request]);
      if (outcome?.outcome === 'conflict') continue;
      if (outcome?.outcome !== 'held' && !(mayBeTaken && outcome?.outcome === 'seats-taken')) {
        throw new Error(`The seats were not held: ${outcome?.outcome}`);
      }
      return { eventId, holdId, buyerId, seatIds };
    }
  }
}
