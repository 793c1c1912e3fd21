import type { Database } from '@holdfast/postgres';
import type { LedgerKind } from './seat-lifecycle';

/** One change of one seat, as others may see it: it names holds, never buyers. */
export interface LedgerEntry {
  /** Gap-free per event, from 1. */
  seq: number;
  kind: LedgerKind;
  seatId: string;
  seatVersion: number;
  holdId: string | null;
  actor: 'buyer' | 'organiser' | 'system';
  reason: string | null;
  at: Date;
}

export interface UnpublishedEntries {
  eventId: string;
  /** Consecutive, in order. */
  entries: LedgerEntry[];
}

/**
 * Gives entries not yet numbered their place in their event's gap-free order. The event's counter row is locked first,
 * so the order of the numbers is the order in which a seat's changes happened, whoever numbers. An event that another
 * worker is numbering at this moment is left to it.
 *
 * @returns how many batches of entries were numbered; as many as `limit` means there may be more
 */
export async function numberLedger(db: Database, { limit }: { limit: number }): Promise<number> {
  const number = async (eventId: string | null): Promise<Numbered> => {
    const [row] = await db.query<Numbered>(numberSql, [eventId, limit]);
    return row ?? { batches: 0, others: [] };
  };
  const oldest = await number(null);
  let { batches } = oldest;
  for (const eventId of oldest.others) batches += (await number(eventId)).batches;
  return batches;
}

interface Numbered {
  batches: number;
  /** Other events whose batches are among the oldest. */
  others: string[];
}

/**
 * Numbers one event and says which others wait: mostly there is one, and then this is all.
 *
 * $1 event, or null for that of the oldest batch · $2 limit
 */
const numberSql = `
WITH chosen AS MATERIALIZED (
  SELECT coalesce($1::uuid, (SELECT u.event_id FROM inventory.ledger_unnumbered u ORDER BY u.at LIMIT 1)) AS event_id
), counter AS MATERIALIZED (
  SELECT last_seq FROM inventory.ledger_counters
   WHERE event_id = (SELECT h.event_id FROM chosen h) FOR UPDATE SKIP LOCKED
), batch AS (
  SELECT u.batch_id FROM inventory.ledger_unnumbered u
   WHERE u.event_id = (SELECT h.event_id FROM chosen h) AND EXISTS (SELECT FROM counter)
   ORDER BY u.at, u.batch_id LIMIT $2
), taken AS (
  -- By the key's list: joined with the batch, every row of the event's queue was compared with every one of the batch.
  DELETE FROM inventory.ledger_unnumbered u
   WHERE u.event_id = (SELECT h.event_id FROM chosen h) AND u.batch_id = ANY (ARRAY(SELECT b.batch_id FROM batch b))
  RETURNING u.at, u.batch_id, u.seat_ids, u.seat_versions
), numbered AS (
  SELECT (SELECT last_seq FROM counter) + sum(cardinality(k.seat_ids)) OVER (ORDER BY k.at, k.batch_id) AS last_seq,
         k.at, k.seat_ids, k.seat_versions
    FROM taken k
), placed AS (
  INSERT INTO inventory.ledger_sequence (event_id, last_seq, at, seat_ids, seat_versions)
  SELECT h.event_id, n.last_seq, n.at, n.seat_ids, n.seat_versions FROM chosen h, numbered n
), counted AS (
  UPDATE inventory.ledger_counters c SET last_seq = (SELECT max(n.last_seq) FROM numbered n)
   WHERE c.event_id = (SELECT h.event_id FROM chosen h) AND EXISTS (SELECT FROM numbered)
)
SELECT (SELECT count(*)::int FROM taken) AS batches,
       ARRAY(SELECT DISTINCT w.event_id
               FROM (SELECT u.event_id FROM inventory.ledger_unnumbered u ORDER BY u.at LIMIT $2) w
              WHERE w.event_id <> (SELECT h.event_id FROM chosen h)) AS others`;

/**
 * Numbered entries that are not yet marked as published, per event in order. Where more events than `eventsMax` have some,
 * lots are drawn for each call, so that none waits for ever and several workers seldom read the same.
 */
export async function readUnpublished(
  db: Database,
  { eventsMax, entriesPerEventMax }: { eventsMax: number; entriesPerEventMax: number },
): Promise<UnpublishedEntries[]> {
  const behind = await db.query<{ event_id: string; published_seq: string }>(
    `SELECT event_id, published_seq FROM inventory.ledger_counters
      WHERE published_seq < last_seq ORDER BY random() LIMIT $1`,
    [eventsMax],
  );
  return Promise.all(
    behind.map(async ({ event_id: eventId, published_seq: after }) => ({
      eventId,
      entries: await readLedger(db, eventId, { after: Number(after), limit: entriesPerEventMax }),
    })),
  );
}

/** Numbered entries of an event in their order, from the one behind `after` on, at most `limit`. */
export async function readLedger(
  db: Database,
  eventId: string,
  { after, limit }: { after: number; limit: number },
): Promise<LedgerEntry[]> {
  const rows = await db.query<EntryRow>(readLedgerSql, [eventId, after, limit]);
  return rows.map((row) => ({ seq: row.seq, ...toHistoryEntry(row) }));
}

/**
 * Each row of the sequence has at least one entry, so as many rows as entries are always enough.
 *
 * $1 event · $2 after · $3 limit
 */
const readLedgerSql = `
SELECT n.seq, l.*
  FROM (SELECT q.last_seq - cardinality(q.seat_ids) AS before, q.seat_ids, q.seat_versions
          FROM inventory.ledger_sequence q
         WHERE q.event_id = $1 AND q.last_seq > $2::bigint ORDER BY q.last_seq LIMIT $3::bigint) q
 CROSS JOIN LATERAL (
   SELECT (q.before + u.nth)::float8 AS seq, u.seat_id, u.seat_version
     FROM unnest(q.seat_ids, q.seat_versions) WITH ORDINALITY AS u (seat_id, seat_version, nth)
    WHERE q.before + u.nth > $2 AND q.before + u.nth <= $2 + $3) n
 CROSS JOIN LATERAL (
   SELECT l.* FROM inventory.ledger l
    WHERE l.event_id = $1 AND l.seat_id = n.seat_id AND l.seat_version = n.seat_version OFFSET 0) l
 WHERE q.before < $2 + $3
 ORDER BY n.seq`;

/** Everything up to `seq` is with the broker, confirmed. Never moves back. */
export async function markPublished(db: Database, eventId: string, seq: number): Promise<void> {
  await db.query('UPDATE inventory.ledger_counters SET published_seq = $2 WHERE event_id = $1 AND published_seq < $2', [
    eventId,
    seq,
  ]);
}

/** When the oldest entry was made that is not with the broker yet; null when all are. Its age is the relay's lag. */
export async function oldestUnpublished(db: Database): Promise<Date | null> {
  const [row] = await db.query<{ oldest: Date | null }>(
    `SELECT least(
       (SELECT u.at FROM inventory.ledger_unnumbered u ORDER BY u.at LIMIT 1),
       (SELECT min(q.at)
          FROM inventory.ledger_counters c
         CROSS JOIN LATERAL (
           SELECT q.at FROM inventory.ledger_sequence q
            WHERE q.event_id = c.event_id AND q.last_seq > c.published_seq ORDER BY q.last_seq LIMIT 1) q
         WHERE c.published_seq < c.last_seq)) AS oldest`,
  );
  return row?.oldest ?? null;
}

export type HistoryEntry = Omit<LedgerEntry, 'seq'>;

/** What happened to a buyer's hold, seat by seat, oldest first; undefined where the hold is not theirs or not known. */
export async function readHistory(
  db: Database,
  eventId: string,
  holdId: string,
  buyerId: string,
): Promise<HistoryEntry[] | undefined> {
  const rows = await db.query<HistoryRow>(
    `SELECT l.*
       FROM inventory.holds h
       CROSS JOIN LATERAL unnest(h.seat_ids) AS u (seat_id)
       JOIN inventory.ledger l ON l.event_id = h.event_id AND l.seat_id = u.seat_id AND l.hold_id = h.hold_id
      WHERE h.event_id = $1 AND h.hold_id = $2 AND h.buyer_id = $3
      ORDER BY l.at, l.seat_id, l.seat_version`,
    [eventId, holdId, buyerId],
  );
  if (rows.length === 0) return undefined;
  return rows.map(toHistoryEntry);
}

interface HistoryRow {
  kind: LedgerKind;
  seat_id: string;
  seat_version: number;
  hold_id: string | null;
  actor: LedgerEntry['actor'];
  reason: string | null;
  at: Date;
}

interface EntryRow extends HistoryRow {
  seq: number;
}

function toHistoryEntry(row: HistoryRow): HistoryEntry {
  return {
    kind: row.kind,
    seatId: row.seat_id,
    seatVersion: row.seat_version,
    holdId: row.hold_id,
    actor: row.actor,
    reason: row.reason,
    at: row.at,
  };
}
