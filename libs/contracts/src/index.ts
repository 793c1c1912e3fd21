export { ProblemBody } from './http/problem-body';
export { Each } from './each';
export type { LatePayment } from './late-payment';
export {
  CategoryBody,
  EventBody,
  EventListBody,
  EventWithCountsBody,
  SaleBody,
  SeatCountsBody,
} from './http/event-body';
export {
  BlockSeatsBody,
  CreateEventBody,
  EventSettings,
  HOLD_SECONDS_TOTAL_MAX,
  PRICE_MINOR_MAX,
  SaleSettings,
  SEATS_PER_BLOCK_MAX,
} from './http/event-requests';
export { HistoryBody, HistoryEntryBody } from './http/history-body';
export { HoldBody, HoldListBody, HoldSeatBody } from './http/hold-body';
export { CreateHoldBody, ExtendHoldBody, SEATS_PER_HOLD_MAX } from './http/hold-requests';
export { isSeatId } from './http/seat-ids';
export { LayoutBody } from './http/layout-body';
export { EventListQuery, VersionQuery } from './http/queries';
export { BlockedSeatsBody, SeatsBody } from './http/seats-body';
export { MESSAGES, type MessageClass } from './messages/catalogue';
export {
  ENTRIES_PER_MESSAGE_MAX,
  SeatsChanged,
  SeatsChangedEntry,
  SeatsFreed,
  freesSeat,
} from './messages/seats-changed';
export { HOLDS_PER_TIMER_MAX, HoldDeadlines } from './messages/hold-deadlines';
export {
  BEGIN_PAYMENT_REFUSALS,
  BeginPayment,
  BeginPaymentRefused,
  PaymentBegun,
  SeatPrice,
  type BeginPaymentReply,
} from './messages/begin-payment';
export { Book, BookRefused, SeatsBooked, type BookReply } from './messages/book';
export { LateBook, LateBookRefused, SeatsBookedLate, type LateBookReply } from './messages/late-book';
export { EndPayment, PaymentAlreadyBooked, PaymentEnded, type EndPaymentReply } from './messages/end-payment';
export { SeatsUnbooked, Unbook, UnbookRefused, type UnbookReply } from './messages/unbook';
export { PaymentActionBody, PaymentBody, PaymentSeatBody } from './http/payment-body';
export { RefundBody, RefundSeatsBody } from './http/refund-body';
export { PayBody } from './http/payment-requests';
export {
  WebhookAttemptBody,
  WebhookAttemptListBody,
  WebhookEndpointBody,
  WebhookEndpointCreatedBody,
  WebhookEndpointListBody,
  WebhookSecretBody,
} from './http/webhook-endpoint-body';
export { SeatsChangedWebhook } from './http/webhook-payload';
export { CreateWebhookEndpointBody, ReplayWebhookBody } from './http/webhook-requests';
