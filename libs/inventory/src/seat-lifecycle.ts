/**
 * A seat's life, told in one place. Nothing but these verbs writes seats, holds, buyers, fences and their ledger.
 *
 *   AVAILABLE --hold--> HELD --book--> BOOKED --unbook--> AVAILABLE
 *       ^                | extend, begin-payment (same hold, later deadline, bounded)
 *       |--release-------|  by its owner, before the deadline
 *       |--expire--------|  once the deadline is reached; hold and block may also take over a run-out seat directly
 *       |--late-book----------------> BOOKED   a payment that came after its hold ran out, by a new hold
 *   AVAILABLE <--unblock-- BLOCKED <--block-- AVAILABLE
 *
 * | verb          | from                    | guard (by the database's clock, read after the locks)        | to        | entry     |
 * |---------------|-------------------------|--------------------------------------------------------------|-----------|-----------|
 * | hold          | available, run-out held | on sale; all seats free; limits per hold and per buyer        | held      | held (and expired for the run-out) |
 * | extend        | held                    | owner; not due; version; not being paid; extensions left      | held      | extended  |
 * | begin-payment | held                    | owner; not due; version; no other attempt                     | held      | extended, where grace is given |
 * | book          | held                    | the attempt that began, under its version; not due; all seats | booked    | booked    |
 * | late-book     | available, run-out held | began on a hold that ran out; allowed; on sale; free; limit   | booked    | held, booked (and expired for the run-out) |
 * | end-payment   | held                    | the attempt is not booked                                     | held      | -         |
 * | release       | held                    | owner; not due; version                                       | available | released  |
 * | expire        | held                    | due                                                           | available | expired   |
 * | unbook        | booked                  | the attempt that booked; all seats named still booked         | available | unbooked  |
 * | block         | available, run-out held | organiser; all seats free                                     | blocked   | blocked   |
 * | unblock       | blocked                 | organiser; all seats blocked                                  | available | unblocked |
 *
 * Every verb is one guarded statement over many requests of one event, in which each seat, buyer, hold and key stands
 * at most once, and it writes its ledger entries itself; late-book, block and unblock, which are rare, take one request.
 * Locks are taken in one order everywhere: seats (sorted), buyers, holds, fences, keys. Rows are looked up in lateral
 * subqueries with FOR UPDATE or OFFSET 0, and updated by `= ANY (ARRAY(...))`: the planner cannot merge these into a join
 * of its own, in which, knowing nothing of a new sale, it read every seat of the event for each hold (19 ms for a batch of
 * 20 holds in 5,000 seats; so it takes 0.8).
 *
 * Refusals are values; an exception means that Postgres could not be asked, and then the same call with the same ids may
 * be made again.
 */

export type SeatState = 'available' | 'held' | 'booked' | 'blocked';
export type HoldState = 'held' | 'booked' | 'released' | 'expired' | 'unbooked';
export type LedgerKind = 'held' | 'extended' | 'released' | 'expired' | 'booked' | 'unbooked' | 'blocked' | 'unblocked';

/** What each ledger entry does to its seat: the table above, as the checker and the model test read it. */
export const SEAT_CHANGES: Record<LedgerKind, { from: SeatState; to: SeatState }> = {
  held: { from: 'available', to: 'held' },
  extended: { from: 'held', to: 'held' },
  released: { from: 'held', to: 'available' },
  expired: { from: 'held', to: 'available' },
  booked: { from: 'held', to: 'booked' },
  unbooked: { from: 'booked', to: 'available' },
  blocked: { from: 'available', to: 'blocked' },
  unblocked: { from: 'blocked', to: 'available' },
};
