import { createHash } from 'node:crypto';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';
import { beginPayment, book, createEvent, hold, type Hold, type HoldOutcome, type SaleSettings } from '../index';

export const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

const settings: SaleSettings = {
  holdSeconds: 600,
  holdSecondsMax: 1_800,
  extensionsMax: 2,
  seatsPerHoldMax: 8,
  seatsPerBuyerMax: 8,
  payGraceSeconds: 60,
  latePayment: 'void',
};

/** A sale for one test: an event with seats S000.., and short words for what tests do with it. */
export class Sale {
  private constructor(
    readonly db: Database,
    readonly eventId: string,
    readonly seatIds: string[],
  ) {}

  static async open(db: Database, seats: number, sale: Partial<SaleSettings> = {}): Promise<Sale> {
    const eventId = newId();
    const seatIds = Array.from({ length: seats }, (_, i) => `S${String(i).padStart(3, '0')}`);
    await createEvent(db, {
      eventId,
      organiserId: 'org',
      key: newId(),
      bodyHash: hash('event'),
      name: 'Test night',
      currency: 'EUR',
      categories: [
        { name: 'Floor', color: '#ff0000', priceMinor: 5_000 },
        { name: 'Balcony', color: '#00ff00', priceMinor: 2_500 },
      ],
      seats: seatIds.map((seatId, i) => ({ seatId, category: i % 2 })),
      layout: '{}',
      sale: { ...settings, ...sale },
    });
    return new Sale(db, eventId, seatIds);
  }

  async tryHold(buyerId: string, seatIds: string[], key = newId(), body = 'body'): Promise<HoldOutcome> {
    for (;;) {
      const request = { holdId: newId(), buyerId, key, bodyHash: hash(body), seatIds };
      const [outcome] = await hold(this.db, this.eventId, [request]);
      if (outcome && outcome.outcome !== 'conflict') return outcome;
    }
  }

  async hold(buyerId: string, seatIds: string[], key = newId()): Promise<Hold> {
    const outcome = await this.tryHold(buyerId, seatIds, key);
    if (outcome.outcome !== 'held') throw new Error(`refused: ${JSON.stringify(outcome)}`);
    return outcome.hold;
  }

  /** A payment of the hold, begun by an attempt of its own. */
  async pay({ holdId, buyerId }: Hold): Promise<{ attemptId: string; version: number }> {
    const attemptId = newId();
    const [begun] = await beginPayment(this.db, this.eventId, [{ attemptId, holdId, buyerId }]);
    if (begun?.outcome !== 'begun') throw new Error(`refused: ${JSON.stringify(begun)}`);
    return { attemptId, version: begun.version };
  }

  async book(held: Hold): Promise<{ attemptId: string; version: number }> {
    const payment = await this.pay(held);
    const [booked] = await book(this.db, this.eventId, [{ holdId: held.holdId, ...payment }]);
    if (booked?.outcome !== 'booked') throw new Error(`refused: ${JSON.stringify(booked)}`);
    return payment;
  }

  /** A hold whose payment had begun when it ran out. */
  async payLate(buyerId: string, seatIds: string[]): Promise<{ held: Hold; attemptId: string; version: number }> {
    const held = await this.hold(buyerId, seatIds);
    const payment = await this.pay(held);
    await this.runOut(held.holdId);
    return { held, ...payment };
  }

  /** Moves time by data: the hold ran out `ago` milliseconds before now. */
  async runOut(holdId: string, ago = 1_000): Promise<void> {
    await this.setDeadline(holdId, -ago);
  }

  /** The hold's deadline is `fromNowMs` after the database's present. */
  async setDeadline(holdId: string, fromNowMs: number): Promise<void> {
    // In the verbs' own order of locks: seats (sorted), then the hold.
    await this.db.query(
      `WITH d AS (SELECT date_trunc('milliseconds', clock_timestamp() + $3 * interval '1 millisecond') AS deadline),
            l AS MATERIALIZED (SELECT seat_id FROM inventory.seats WHERE event_id = $1 AND hold_id = $2
                                ORDER BY seat_id FOR UPDATE),
            s AS (UPDATE inventory.seats SET deadline = d.deadline FROM d, l
                   WHERE event_id = $1 AND seats.seat_id = l.seat_id AND hold_id = $2 AND state = 'held')
       UPDATE inventory.holds SET deadline = d.deadline FROM d
        WHERE event_id = $1 AND hold_id = $2 AND (SELECT count(*) FROM l) >= 0`,
      [this.eventId, holdId, fromNowMs],
    );
  }

  async seats(): Promise<Record<string, { state: string; version: number; holdId: string | null }>> {
    const rows = await this.db.query<{ seat_id: string; state: string; version: number; hold_id: string | null }>(
      'SELECT seat_id, state, version, hold_id FROM inventory.seats WHERE event_id = $1 ORDER BY seat_id',
      [this.eventId],
    );
    return Object.fromEntries(
      rows.map((row) => [row.seat_id, { state: row.state, version: row.version, holdId: row.hold_id }]),
    );
  }

  async holdState(holdId: string): Promise<string | undefined> {
    const rows = await this.db.query<{ state: string }>(
      'SELECT state FROM inventory.holds WHERE event_id = $1 AND hold_id = $2',
      [this.eventId, holdId],
    );
    return rows[0]?.state;
  }

  /** The ledger in the order it happened, `seat version kind`, one line an entry. */
  async ledger(): Promise<LedgerLine[]> {
    return this.db.query<LedgerLine>(
      `SELECT seat_id AS "seatId", seat_version AS version, kind, hold_id AS "holdId", reason, at
         FROM inventory.ledger WHERE event_id = $1 ORDER BY at, seat_id, seat_version`,
      [this.eventId],
    );
  }
}

export interface LedgerLine {
  [column: string]: unknown;
  seatId: string;
  version: number;
  kind: string;
  holdId: string | null;
  reason: string | null;
  at: Date;
}
