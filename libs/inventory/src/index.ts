export { only } from './batch';
export type { HoldState, LedgerKind, SeatState } from './seat-lifecycle';
export { findReplays, hold, type HoldOutcome, type HoldRequest, type TakenSeat } from './verbs/hold';
export { extend, type ExtendOutcome, type ExtendRequest } from './verbs/extend';
export { beginPayment, type BeginPaymentOutcome, type BeginPaymentRequest } from './verbs/begin-payment';
export { book, type BookOutcome, type BookRequest } from './verbs/book';
export { lateBook, type LateBookOutcome, type LateBookRequest } from './verbs/late-book';
export { endPayment, type EndPaymentOutcome, type EndPaymentRequest } from './verbs/end-payment';
export { release, type ReleaseOutcome, type ReleaseRequest } from './verbs/release';
export { expire, type ExpireOutcome } from './verbs/expire';
export { unbook, type UnbookOutcome, type UnbookRequest } from './verbs/unbook';
export { block, unblock, type BlockOutcome, type BlockRequest } from './verbs/block';
export { type HoldRefusal } from './hold-refusal';
export { listHolds, readClock, readHold, type Hold, type HoldSeat } from './holds';
export {
  closeEvent,
  createEvent,
  findCreated,
  isEventOf,
  listEvents,
  readEvent,
  type CloseOutcome,
  type CreateEventOutcome,
  type EventDetails,
  type EventOrigin,
  type LatePayment,
  type NewEvent,
  type SaleSettings,
} from './events';
export { readCounts, readLayoutPart, readSeats, type LayoutPart, type SeatCounts, type SeatMap } from './seats';
export {
  readHistory,
  readLedger,
  numberLedger,
  readUnpublished,
  markPublished,
  oldestUnpublished,
  type LedgerEntry,
  type HistoryEntry,
  type UnpublishedEntries,
} from './ledger';
export { dueHolds, type DueHolds } from './due-holds';
export { outstandingHolds, type OutstandingHold } from './outstanding-holds';
export { forgetKeys } from './forget-keys';
export { KeyLookups } from './key-lookups';
export { HoldCommitter, Overloaded, type HoldCommitterOptions } from './hold-committer';
export { inventoryMigrations } from './migrations';
