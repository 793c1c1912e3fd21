import type { Database, Row } from '@holdfast/postgres';

export interface SaleSettings {
  /** Absent: on sale from the moment the event is created. */
  startsAt?: Date;
  /** Absent: until the event is closed. */
  endsAt?: Date;
  /** How long a new hold lives. */
  holdSeconds: number;
  /** How long a hold may live with all its extensions, from when it was taken; pay grace comes on top, once. */
  holdSecondsMax: number;
  extensionsMax: number;
  seatsPerHoldMax: number;
  /** Booked seats and seats on hold together. */
  seatsPerBuyerMax: number;
  /** A payment that begins with less time left gets this much, once a hold. */
  payGraceSeconds: number;
  latePayment: LatePayment;
}

/** What an event does with a payment that comes after its hold ran out: see `late-book`. */
export type LatePayment = 'void' | 'same-seats-if-free';

/** A price category; seats name theirs by its place in the list. */
export interface Category {
  name: string;
  color: string;
  priceMinor: number;
}

/** Which request made an event. */
export interface EventOrigin {
  organiserId: string;
  /** The Idempotency-Key, scoped to the organiser, and the hash of the body it came with. */
  key: string;
  bodyHash: Buffer;
}

export interface NewEvent extends EventOrigin {
  /** UUIDv7 made by the caller. */
  eventId: string;
  name: string;
  currency: string;
  categories: Category[];
  /** In the order of the layout; `category` is an index into `categories`. */
  seats: { seatId: string; category: number }[];
  /** JSON text, served as it is: see `readLayoutPart`. */
  layout: string;
  sale: SaleSettings;
}

export interface EventDetails {
  eventId: string;
  organiserId: string;
  name: string;
  currency: string;
  seatCount: number;
  createdAt: Date;
  closedAt: Date | null;
  categories: Category[];
  sale: Omit<SaleSettings, 'startsAt' | 'endsAt'> & { startsAt: Date; endsAt: Date | null };
}

export type CreateEventOutcome =
  { outcome: 'created'; replayed: boolean; event: EventDetails } | { outcome: 'key-reused' };

/** Seats are written this many to a statement, to stay far from its time limit. */
const SEATS_PER_STATEMENT = 20_000;
/** So much of a layout is read and handed out at a time: well below a millisecond of the service's only thread. */
const LAYOUT_PART_LENGTH = 256 * 1024;
const HIGH_SURROGATE = /[\ud800-\udbff]/;

/** Creates an event with its seats in one transaction; the same key and body gets the first one again. */
export async function createEvent(db: Database, event: NewEvent): Promise<CreateEventOutcome> {
  const created = await db.transaction(async (tx) => {
    const inserted = await tx.query(insertEventSql, eventValues(event));
    if (inserted.length === 0) return false;
    await tx.query(insertCategoriesSql, [
      event.eventId,
      event.categories.map((_, i) => i),
      event.categories.map((category) => category.name),
      event.categories.map((category) => category.color),
      event.categories.map((category) => category.priceMinor),
    ]);
    for (const [part, json] of partsOf(event.layout).entries()) {
      const sql = 'INSERT INTO inventory.layouts (event_id, part, json) VALUES ($1, $2, $3)';
      await tx.query(sql, [event.eventId, part, json]);
    }
    await tx.query('INSERT INTO inventory.ledger_counters (event_id) VALUES ($1)', [event.eventId]);
    for (let from = 0; from < event.seats.length; from += SEATS_PER_STATEMENT) {
      const seats = event.seats.slice(from, from + SEATS_PER_STATEMENT);
      await tx.query(insertSeatsSql, [
        event.eventId,
        from,
        seats.map((seat) => seat.seatId),
        seats.map((seat) => seat.category),
      ]);
    }
    return true;
  });
  const outcome = await findCreated(db, event);
  if (!outcome) throw new Error('an event created is there');
  return outcome.outcome === 'created' ? { ...outcome, replayed: !created } : outcome;
}

function partsOf(layout: string): string[] {
  const parts: string[] = [];
  for (let from = 0, to; from < layout.length; from = to) {
    to = from + LAYOUT_PART_LENGTH;
    // The two halves of a character stay together.
    if (HIGH_SURROGATE.test(layout.charAt(to - 1))) to++;
    parts.push(layout.slice(from, to));
  }
  return parts;
}

/** What a request to create an event was already answered with; undefined where its key has no effect to its name. */
export async function findCreated(db: Database, origin: EventOrigin): Promise<CreateEventOutcome | undefined> {
  const [row] = await db.query<EventRow & { create_body_hash: Buffer }>(
    `${selectEvent} WHERE e.organiser_id = $1 AND e.create_key = $2`,
    [origin.organiserId, origin.key],
  );
  if (!row) return undefined;
  if (!row.create_body_hash.equals(origin.bodyHash)) return { outcome: 'key-reused' };
  return { outcome: 'created', replayed: true, event: toDetails(row) };
}

/** An event by its id; undefined when there is none. */
export async function readEvent(db: Database, eventId: string): Promise<EventDetails | undefined> {
  const rows = await db.query<EventRow>(`${selectEvent} WHERE e.event_id = $1`, [eventId]);
  return rows.map(toDetails)[0];
}

/** Whether an event is there and is this organiser's. */
export async function isEventOf(db: Database, eventId: string, organiserId: string): Promise<boolean> {
  const rows = await db.query('SELECT FROM inventory.events WHERE event_id = $1 AND organiser_id = $2', [
    eventId,
    organiserId,
  ]);
  return rows.length > 0;
}

/** Events, newest first, a page at a time: those before the event `before`, where it is given. */
export async function listEvents(db: Database, limit: number, before?: string): Promise<EventDetails[]> {
  const rows = await db.query<EventRow>(
    `${selectEvent} WHERE $2::uuid IS NULL OR e.event_id < $2 ORDER BY e.event_id DESC LIMIT $1`,
    [limit, before ?? null],
  );
  return rows.map(toDetails);
}

export type CloseOutcome = { outcome: 'closed'; event: EventDetails } | { outcome: 'unknown-event' };

/**
 * Ends the sale: a hold asked for after this answered is refused; holds that live may still be paid. Closing again
 * changes nothing. An event of another organiser is as unknown as none.
 */
export async function closeEvent(db: Database, eventId: string, organiserId: string): Promise<CloseOutcome> {
  await db.query(
    `UPDATE inventory.events SET closed_at = clock_timestamp()
      WHERE event_id = $1 AND organiser_id = $2 AND closed_at IS NULL`,
    [eventId, organiserId],
  );
  const event = await readEvent(db, eventId);
  return event?.organiserId === organiserId ? { outcome: 'closed', event } : { outcome: 'unknown-event' };
}

interface EventRow extends Row {
  event_id: string;
  organiser_id: string;
  name: string;
  currency: string;
  seat_count: number;
  created_at: Date;
  closed_at: Date | null;
  sale_starts_at: Date;
  sale_ends_at: Date | null;
  hold_seconds: number;
  hold_seconds_max: number;
  extensions_max: number;
  seats_per_hold_max: number;
  seats_per_buyer_max: number;
  pay_grace_seconds: number;
  late_payment: LatePayment;
  categories: Category[];
}

const selectEvent = `
SELECT e.*,
       (SELECT json_agg(json_build_object('name', c.name, 'color', c.color, 'priceMinor', c.price_minor)
                        ORDER BY c.category)
          FROM inventory.categories c WHERE c.event_id = e.event_id) AS categories
  FROM inventory.events e`;

const insertEventSql = `
INSERT INTO inventory.events
       (event_id, organiser_id, create_key, create_body_hash, name, currency, seat_count, sale_starts_at, sale_ends_at,
        hold_seconds, hold_seconds_max, extensions_max, seats_per_hold_max, seats_per_buyer_max, pay_grace_seconds,
        late_payment, created_at)
SELECT $1, $2, $3, $4, $5, $6, $7, coalesce($8::timestamptz, t.now), $9, $10, $11, $12, $13, $14, $15, $16, t.now
  FROM (SELECT clock_timestamp() AS now) t
ON CONFLICT (organiser_id, create_key) DO NOTHING
RETURNING event_id`;

const insertCategoriesSql = `
INSERT INTO inventory.categories (event_id, category, name, color, price_minor)
SELECT $1, c.* FROM unnest($2::smallint[], $3::text[], $4::text[], $5::bigint[]) AS c`;

const insertSeatsSql = `
INSERT INTO inventory.seats (event_id, ordinal, seat_id, category)
SELECT $1, $2::int + s.nth::int - 1, s.seat_id, s.category
  FROM unnest($3::text[], $4::smallint[]) WITH ORDINALITY AS s (seat_id, category, nth)`;

function eventValues(event: NewEvent): unknown[] {
  const { sale } = event;
  return [
    event.eventId,
    event.organiserId,
    event.key,
    event.bodyHash,
    event.name,
    event.currency,
    event.seats.length,
    sale.startsAt ?? null,
    sale.endsAt ?? null,
    sale.holdSeconds,
    sale.holdSecondsMax,
    sale.extensionsMax,
    sale.seatsPerHoldMax,
    sale.seatsPerBuyerMax,
    sale.payGraceSeconds,
    sale.latePayment,
  ];
}

function toDetails(row: EventRow): EventDetails {
  return {
    eventId: row.event_id,
    organiserId: row.organiser_id,
    name: row.name,
    currency: row.currency,
    seatCount: row.seat_count,
    createdAt: row.created_at,
    closedAt: row.closed_at,
    categories: row.categories,
    sale: {
      startsAt: row.sale_starts_at,
      endsAt: row.sale_ends_at,
      holdSeconds: row.hold_seconds,
      holdSecondsMax: row.hold_seconds_max,
      extensionsMax: row.extensions_max,
      seatsPerHoldMax: row.seats_per_hold_max,
      seatsPerBuyerMax: row.seats_per_buyer_max,
      payGraceSeconds: row.pay_grace_seconds,
      latePayment: row.late_payment,
    },
  };
}
