import { strict as assert } from 'node:assert';
import type { Database } from '@holdfast/postgres';
import type { HoldState } from './seat-lifecycle';

export interface HoldSeat {
  seatId: string;
  category: string;
  priceMinor: number;
  /** Booked and given back: on sale again, or somebody else's. */
  unbooked?: true;
}

export interface Hold {
  eventId: string;
  holdId: string;
  buyerId: string;
  /** The hold that ran out and whose seats a late payment took again, with this hold. */
  replacesHoldId?: string;
  state: HoldState;
  /** Rises with every change of the hold's deadline or state. */
  version: number;
  /** In the order of their ids. */
  seats: HoldSeat[];
  amountMinor: number;
  currency: string;
  /** The hold is valid strictly before it, by the database's clock. */
  deadline: Date;
  extensionsLeft: number;
  createdAt: Date;
}

/** One hold of a buyer, or undefined where it is not theirs or not known. A run-out hold not yet expired says expired. */
export async function readHold(
  db: Database,
  eventId: string,
  holdId: string,
  buyerId: string,
): Promise<{ hold: Hold; serverTime: Date } | undefined> {
  const rows = await db.query<HoldRow>(`${selectHold} WHERE h.event_id = $1 AND h.hold_id = $2 AND h.buyer_id = $3`, [
    eventId,
    holdId,
    buyerId,
  ]);
  return rows.map((row) => ({ hold: toHold(row), serverTime: row.now }))[0];
}

/** The latest holds of a buyer for an event, newest first. */
export async function listHolds(
  db: Database,
  eventId: string,
  buyerId: string,
  limit: number,
): Promise<{ holds: Hold[]; serverTime: Date }> {
  const rows = await db.query<HoldRow>(
    `${selectHold} WHERE h.event_id = $1 AND h.buyer_id = $2 ORDER BY h.held_at DESC, h.hold_id LIMIT $3`,
    [eventId, buyerId, limit],
  );
  return { holds: rows.map(toHold), serverTime: rows[0]?.now ?? (await readClock(db)) };
}

/** The database's clock, the only one that decides. */
export async function readClock(db: Database): Promise<Date> {
  const [row] = await db.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  if (!row) throw new Error('the clock answers with one row');
  return row.now;
}

/** Holds as they stand, by id. */
export async function rereadHolds(db: Database, eventId: string, holdIds: string[]): Promise<Map<string, Hold>> {
  return new Map((await readRows(db, eventId, holdIds)).map((row) => [row.hold_id, toHold(row)]));
}

export interface GivenHold {
  hold: Hold;
  bodyHash: Buffer;
}

/** Holds as their first answer gave them, for replays: version 1, the first deadline, no extension used. */
export async function givenHolds(db: Database, eventId: string, holdIds: string[]): Promise<Map<string, GivenHold>> {
  return new Map((await readRows(db, eventId, holdIds)).map((row) => [row.hold_id, toGiven(row)]));
}

async function readRows(db: Database, eventId: string, holdIds: string[]): Promise<HoldRow[]> {
  if (holdIds.length === 0) return [];
  return db.query<HoldRow>(`${selectHold} WHERE h.event_id = $1 AND h.hold_id = ANY ($2::uuid[])`, [eventId, holdIds]);
}

interface HoldRow {
  now: Date;
  event_id: string;
  hold_id: string;
  buyer_id: string;
  replaces_hold_id: string | null;
  state: HoldState;
  version: number;
  amount_minor: string;
  currency: string;
  deadline: Date;
  first_deadline: Date;
  held_at: Date;
  extensions: number;
  extensions_max: number;
  body_hash: Buffer | null;
  seats: SeatRow[];
}

type SeatRow = [seatId: string, category: string, priceMinor: number, unbooked: boolean];

const selectHold = `
SELECT c.now, h.event_id, h.hold_id, h.buyer_id, h.replaces_hold_id, h.version, h.amount_minor, h.deadline,
       h.first_deadline, h.held_at, h.extensions, h.body_hash, e.currency, e.extensions_max,
       CASE WHEN h.state = 'held' AND h.deadline <= c.now THEN 'expired' ELSE h.state END AS state,
       (SELECT json_agg(json_build_array(
                 s.seat_id, k.name, k.price_minor,
                 h.state IN ('booked', 'unbooked') AND s.hold_id IS DISTINCT FROM h.hold_id) ORDER BY s.seat_id)
          FROM unnest(h.seat_ids) AS u (seat_id)
          JOIN inventory.seats s ON s.event_id = h.event_id AND s.seat_id = u.seat_id
          JOIN inventory.categories k ON k.event_id = h.event_id AND k.category = s.category) AS seats
  FROM (SELECT clock_timestamp() AS now) c
  CROSS JOIN inventory.holds h
  JOIN inventory.events e ON e.event_id = h.event_id`;

function toHold(row: HoldRow): Hold {
  return {
    eventId: row.event_id,
    holdId: row.hold_id,
    buyerId: row.buyer_id,
    ...(row.replaces_hold_id && { replacesHoldId: row.replaces_hold_id }),
    state: row.state,
    version: row.version,
    seats: row.seats.map((seat) => (seat[3] ? { ...toSeat(seat), unbooked: true } : toSeat(seat))),
    amountMinor: Number(row.amount_minor),
    currency: row.currency,
    deadline: row.deadline,
    extensionsLeft: row.extensions_max - row.extensions,
    createdAt: row.held_at,
  };
}

function toSeat([seatId, category, priceMinor]: SeatRow): HoldSeat {
  return { seatId, category, priceMinor };
}

function toGiven(row: HoldRow): GivenHold {
  assert(row.body_hash, 'a hold that was asked for has its request');
  const asGiven = {
    state: 'held',
    version: 1,
    deadline: row.first_deadline,
    extensionsLeft: row.extensions_max,
    seats: row.seats.map(toSeat),
  } as const;
  return { hold: { ...toHold(row), ...asGiven }, bodyHash: row.body_hash };
}
