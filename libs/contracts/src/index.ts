export { ProblemBody } from './http/problem-body';
export { MESSAGES, type MessageClass } from './messages/catalogue';
export {
  ENTRIES_PER_MESSAGE_MAX,
  LEDGER_ACTORS,
  LEDGER_KINDS,
  SeatsChanged,
  SeatsChangedEntry,
} from './messages/seats-changed';
export { HOLDS_PER_TIMER_MAX, HoldDeadlines } from './messages/hold-deadlines';
export {
  BEGIN_PAYMENT_REFUSALS,
  BeginPayment,
  BeginPaymentRefused,
  PaymentBegun,
  type BeginPaymentReply,
} from './messages/begin-payment';
export { Book, BookRefused, SeatsBooked, type BookReply } from './messages/book';
export { EndPayment, PaymentAlreadyBooked, PaymentEnded, type EndPaymentReply } from './messages/end-payment';
export { SeatsUnbooked, Unbook, UnbookRefused, type UnbookReply } from './messages/unbook';
