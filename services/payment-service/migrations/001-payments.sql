-- Payment attempts: one row tells how far each one has come. event_id leads the keys, so that the table can be
-- distributed by it. Nothing here knows seats: the hold's id is all that is shared with the inventory.
CREATE SCHEMA payments;

CREATE TYPE payments.attempt_state AS ENUM (
  'started', 'begun', 'unconfirmed', 'requires-action', 'authorised', 'charged', 'late', 'booked',
  'declining', 'abandoning', 'voiding', 'uncapturable',
  'captured', 'declined', 'voided', 'returned', 'capture-failed', 'refused');

-- pay_key: the Idempotency-Key of the request; NULL once the attempt ended before anything was asked of the provider, so
-- that the key may be used again.
-- version: rises with every change; whoever changes the row names the version it read.
-- amount_minor, currency, fence_version, deadline, seat_ids, seat_prices_minor (in the same order), late_payment: the answer
-- to begin-payment.
-- late_hold_id: the hold under which a late payer gets the same seats again; stored before it is asked for.
-- authorised_minor and so on: what has become of the amount so far. money_ledger has the same, as postings.
-- key_generation, key_spent: the provider may replay a fault of its own for ever under the same key; once it has (spent)
-- and a query has shown no effect, the next generation's key is used.
-- next_at: nobody else takes the attempt up before; the lease of whoever works on it, and the backoff between tries.
-- in_hand: somebody works on it, and next_at is their lease. hinted: the provider said meanwhile that something changed;
-- whoever puts the attempt down then leaves it due at once.
CREATE TABLE payments.attempts (
  event_id        uuid NOT NULL,
  attempt_id      uuid NOT NULL,
  hold_id         uuid NOT NULL,
  buyer_id        text COLLATE "C" NOT NULL,
  pay_key         text COLLATE "C",
  body_hash       bytea NOT NULL,
  payment_method  text NOT NULL,
  asked_version   integer,
  state           payments.attempt_state NOT NULL DEFAULT 'started',
  version         integer NOT NULL DEFAULT 1,
  reason          text,
  amount_minor    bigint CHECK (amount_minor >= 0),
  currency        text CHECK (currency ~ '^[A-Z]{3}$'),
  fence_version   integer,
  deadline        timestamptz,
  seat_ids        text[] COLLATE "C",
  seat_prices_minor bigint[],
  late_payment    text CHECK (late_payment IN ('void', 'same-seats-if-free')),
  late_hold_id    uuid,
  intent_id       text,
  authorised_minor bigint NOT NULL DEFAULT 0,
  captured_minor  bigint NOT NULL DEFAULT 0,
  released_minor  bigint NOT NULL DEFAULT 0,
  refunded_minor  bigint NOT NULL DEFAULT 0,
  key_generation  integer NOT NULL DEFAULT 1,
  key_spent       boolean NOT NULL DEFAULT false,
  tries           integer NOT NULL DEFAULT 0,
  next_at         timestamptz NOT NULL,
  in_hand         boolean NOT NULL DEFAULT true,
  hinted          boolean NOT NULL DEFAULT false,
  created_at      timestamptz NOT NULL,
  ended_at        timestamptz,
  PRIMARY KEY (event_id, attempt_id),
  CONSTRAINT attempts_key_used_once UNIQUE (event_id, buyer_id, pay_key),
  CONSTRAINT attempts_begun_together CHECK (
    num_nulls(amount_minor, currency, fence_version, seat_ids, seat_prices_minor, late_payment) IN (0, 6)),
  CONSTRAINT attempts_every_seat_has_price CHECK (cardinality(seat_ids) = cardinality(seat_prices_minor)),
  CONSTRAINT attempts_end_has_time CHECK (
    (ended_at IS NOT NULL)
    = (state IN ('captured', 'declined', 'voided', 'returned', 'capture-failed', 'refused'))),
  CONSTRAINT attempts_failure_has_reason CHECK (
    (reason IS NOT NULL) = (state IN (
      'declining', 'abandoning', 'voiding', 'uncapturable',
      'declined', 'voided', 'returned', 'capture-failed', 'refused'))),
  CONSTRAINT attempts_late_has_hold CHECK (state <> 'late' OR late_hold_id IS NOT NULL),
  -- No more is taken than was set aside, and no more given back than was taken; in the end nothing stays set aside.
  CONSTRAINT attempts_authorise_the_amount CHECK (authorised_minor BETWEEN 0 AND coalesce(amount_minor, 0)),
  CONSTRAINT attempts_capture_what_is_authorised CHECK (
    captured_minor >= 0 AND released_minor >= 0 AND captured_minor + released_minor <= authorised_minor),
  CONSTRAINT attempts_refund_what_is_captured CHECK (refunded_minor BETWEEN 0 AND captured_minor),
  CONSTRAINT attempts_end_sets_nothing_aside CHECK (
    ended_at IS NULL OR captured_minor + released_minor = authorised_minor),
  CONSTRAINT attempts_paid_in_full CHECK (state NOT IN ('captured', 'returned') OR captured_minor = amount_minor),
  -- Only a free attempt has no intent. A NULL would pass as true, hence the coalesce.
  CONSTRAINT attempts_state_means CHECK (coalesce(
    CASE
      WHEN state IN ('started', 'refused') THEN amount_minor IS NULL AND intent_id IS NULL
      WHEN state = 'begun' THEN amount_minor IS NOT NULL AND deadline IS NOT NULL AND intent_id IS NULL
      WHEN state IN ('unconfirmed', 'requires-action') THEN amount_minor > 0 AND intent_id IS NOT NULL
      WHEN state IN ('authorised', 'late', 'booked', 'captured', 'voiding', 'uncapturable', 'capture-failed')
        THEN (amount_minor = 0) = (intent_id IS NULL)
      WHEN state IN ('charged', 'returned') THEN amount_minor > 0 AND intent_id IS NOT NULL
      WHEN state IN ('declining', 'declined') THEN amount_minor IS NOT NULL
      ELSE true
    END, false))
) WITH (fillfactor = 70);

-- A hold is paid by one attempt at a time. With the buyer, so that a stranger cannot keep the owner from paying. The event
-- stands last: in front, a statement that names event and attempt took this index, and read all of the event's active ones.
CREATE UNIQUE INDEX attempts_one_active ON payments.attempts (hold_id, buyer_id, event_id) WHERE ended_at IS NULL;

-- The completer's queue.
CREATE INDEX attempts_unfinished ON payments.attempts (next_at) WHERE ended_at IS NULL;

-- A payment is read by its id alone.
CREATE INDEX attempts_by_id ON payments.attempts (attempt_id);

-- What the provider says is about an intent.
CREATE INDEX attempts_of_intent ON payments.attempts (intent_id);
