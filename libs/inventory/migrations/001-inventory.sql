-- The seat's life: events, seats, holds, buyers and their ledger.
-- event_id leads every primary and unique key, so that the tables can be distributed by it.
CREATE SCHEMA inventory;

CREATE TYPE inventory.seat_state AS ENUM ('available', 'held', 'booked', 'blocked');
CREATE TYPE inventory.hold_state AS ENUM ('held', 'booked', 'released', 'expired', 'unbooked');
CREATE TYPE inventory.ledger_kind AS ENUM
  ('held', 'extended', 'released', 'expired', 'booked', 'unbooked', 'blocked', 'unblocked');
CREATE TYPE inventory.ledger_actor AS ENUM ('buyer', 'organiser', 'system');
CREATE TYPE inventory.fence_state AS ENUM ('begun', 'booked', 'refused', 'unbooked');
CREATE TYPE inventory.late_payment AS ENUM ('void', 'same-seats-if-free');

CREATE TABLE inventory.events (
  event_id              uuid PRIMARY KEY,
  organiser_id          text NOT NULL,
  name                  text NOT NULL,
  currency              text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  seat_count            integer NOT NULL CHECK (seat_count > 0),
  sale_starts_at        timestamptz NOT NULL,
  sale_ends_at          timestamptz CHECK (sale_ends_at > sale_starts_at),
  closed_at             timestamptz,
  hold_seconds          integer NOT NULL CHECK (hold_seconds BETWEEN 1 AND 3600),
  hold_seconds_max      integer NOT NULL CHECK (hold_seconds_max >= hold_seconds),
  extensions_max        integer NOT NULL CHECK (extensions_max >= 0),
  seats_per_hold_max    integer NOT NULL CHECK (seats_per_hold_max > 0),
  seats_per_buyer_max   integer NOT NULL CHECK (seats_per_buyer_max > 0),
  pay_grace_seconds     integer NOT NULL CHECK (pay_grace_seconds >= 0),
  late_payment          inventory.late_payment NOT NULL,
  created_at            timestamptz NOT NULL,
  create_key            text NOT NULL,
  create_body_hash      bytea NOT NULL,
  UNIQUE (organiser_id, create_key)
);

-- One row a price category; seats name it by number to stay narrow.
CREATE TABLE inventory.categories (
  event_id     uuid NOT NULL REFERENCES inventory.events,
  category     smallint NOT NULL,
  name         text NOT NULL,
  color        text NOT NULL,
  price_minor  bigint NOT NULL CHECK (price_minor >= 0),
  PRIMARY KEY (event_id, category),
  UNIQUE (event_id, name)
);

-- The plan as buyers see it: zones, rows, positions, decoration. Never changes. The text of its JSON in parts, since to hand
-- out 16 MB at once would stall the service.
CREATE TABLE inventory.layouts (
  event_id  uuid NOT NULL REFERENCES inventory.events,
  part      smallint NOT NULL,
  json      text NOT NULL,
  PRIMARY KEY (event_id, part)
);

-- Narrow, with room on the page and no index on what changes: an update stays on its page (heap-only).
CREATE TABLE inventory.seats (
  event_id  uuid NOT NULL,
  seat_id   text COLLATE "C" NOT NULL,
  state     inventory.seat_state NOT NULL DEFAULT 'available',
  version   integer NOT NULL DEFAULT 0,
  ordinal   integer NOT NULL,
  category  smallint NOT NULL,
  hold_id   uuid,
  deadline  timestamptz,
  PRIMARY KEY (event_id, seat_id),
  CONSTRAINT seats_state_means CHECK (
    CASE state
      WHEN 'held' THEN hold_id IS NOT NULL AND deadline IS NOT NULL
      WHEN 'booked' THEN hold_id IS NOT NULL AND deadline IS NULL
      ELSE hold_id IS NULL AND deadline IS NULL
    END)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

-- hold_key: the Idempotency-Key the hold was taken with. The unique index is the replay check and finds a buyer's holds.
-- replaces_hold_id: the hold that ran out, of one that a late payment took instead: no buyer's request, so no key.
-- first_deadline: what the first answer said, so that a replay says it again.
-- seat_count: seats that still count towards the buyer's limit.
CREATE TABLE inventory.holds (
  event_id        uuid NOT NULL,
  hold_id         uuid NOT NULL,
  buyer_id        text COLLATE "C" NOT NULL,
  hold_key        text COLLATE "C",
  body_hash       bytea,
  replaces_hold_id uuid,
  state           inventory.hold_state NOT NULL DEFAULT 'held',
  version         integer NOT NULL DEFAULT 1,
  seat_ids        text[] COLLATE "C" NOT NULL,
  seat_count      integer NOT NULL,
  amount_minor    bigint NOT NULL,
  held_at         timestamptz NOT NULL,
  first_deadline  timestamptz NOT NULL,
  deadline        timestamptz NOT NULL,
  extensions      integer NOT NULL DEFAULT 0,
  grace_used      boolean NOT NULL DEFAULT false,
  attempt_id      uuid,
  ended_at        timestamptz,
  PRIMARY KEY (event_id, hold_id),
  UNIQUE (event_id, buyer_id, hold_key),
  CONSTRAINT holds_origin CHECK (
    CASE WHEN replaces_hold_id IS NULL THEN hold_key IS NOT NULL AND body_hash IS NOT NULL
    ELSE hold_key IS NULL AND body_hash IS NULL END),
  CONSTRAINT holds_seat_count CHECK (seat_count BETWEEN 0 AND cardinality(seat_ids)),
  CONSTRAINT holds_state_means CHECK (
    CASE state
      WHEN 'held' THEN ended_at IS NULL
      WHEN 'booked' THEN ended_at IS NULL AND attempt_id IS NOT NULL AND seat_count > 0
      ELSE ended_at IS NOT NULL
    END)
) WITH (fillfactor = 80);

CREATE INDEX holds_due ON inventory.holds (deadline, event_id, hold_id) WHERE state = 'held';

-- The gate of the per-buyer limit: whoever adds to a buyer's seats must move the version it read.
CREATE TABLE inventory.buyers (
  event_id  uuid NOT NULL,
  buyer_id  text COLLATE "C" NOT NULL,
  version   bigint NOT NULL,
  PRIMARY KEY (event_id, buyer_id)
) WITH (fillfactor = 70);

-- What became of a payment attempt at the fence. A refusal stays, so that a late command finds it.
-- reason: why `book` was refused. Then `late-book` may still win, by late_hold_id, or is refused with late_reason.
CREATE TABLE inventory.fences (
  event_id      uuid NOT NULL,
  attempt_id    uuid NOT NULL,
  hold_id       uuid NOT NULL,
  state         inventory.fence_state NOT NULL,
  hold_version  integer,
  deadline      timestamptz,
  reason        text,
  late_hold_id  uuid,
  late_reason   text,
  decided_at    timestamptz NOT NULL,
  PRIMARY KEY (event_id, attempt_id),
  CONSTRAINT fences_state_means CHECK (
    CASE state
      WHEN 'refused' THEN reason IS NOT NULL
      ELSE hold_version IS NOT NULL AND deadline IS NOT NULL
    END),
  CONSTRAINT fences_late_means CHECK (
    CASE state
      WHEN 'begun' THEN reason IS NULL AND late_hold_id IS NULL AND late_reason IS NULL
      WHEN 'refused' THEN late_hold_id IS NULL
      ELSE late_reason IS NULL AND (late_hold_id IS NULL) = (reason IS NULL)
    END)
);

-- Seats of a booking that were given back. unbook_id: the refund, or the attempt whose capture was refused.
CREATE TABLE inventory.unbookings (
  event_id    uuid NOT NULL,
  unbook_id   uuid NOT NULL,
  hold_id     uuid NOT NULL,
  seat_ids    text[] COLLATE "C" NOT NULL,
  decided_at  timestamptz NOT NULL,
  PRIMARY KEY (event_id, unbook_id)
);

-- Answers of the keyed verbs but hold, whose key stands on the hold itself. Kept for a day and more.
CREATE TABLE inventory.idempotency_keys (
  event_id     uuid NOT NULL,
  actor_id     text NOT NULL,
  verb         text NOT NULL,
  key          text NOT NULL,
  body_hash    bytea NOT NULL,
  answer       jsonb NOT NULL,
  recorded_at  timestamptz NOT NULL,
  PRIMARY KEY (event_id, actor_id, verb, key)
);

CREATE INDEX idempotency_keys_recorded ON inventory.idempotency_keys USING brin (recorded_at);

-- Append only: one entry a change of a seat. A seat's version names the change, so no change can be told twice.
CREATE TABLE inventory.ledger (
  event_id      uuid NOT NULL,
  seat_id       text COLLATE "C" NOT NULL,
  seat_version  integer NOT NULL,
  kind          inventory.ledger_kind NOT NULL,
  hold_id       uuid,
  actor         inventory.ledger_actor NOT NULL,
  reason        text,
  at            timestamptz NOT NULL,
  PRIMARY KEY (event_id, seat_id, seat_version),
  CONSTRAINT ledger_names_hold CHECK ((hold_id IS NULL) = (kind IN ('blocked', 'unblocked')))
);

-- One row a deciding statement, written with its entries and gone once they are numbered. The relay reads this short
-- queue instead of searching the ledger; a commit that comes late is found whenever it comes.
CREATE TABLE inventory.ledger_unnumbered (
  event_id       uuid NOT NULL,
  batch_id       uuid NOT NULL,
  at             timestamptz NOT NULL,
  seat_ids       text[] COLLATE "C" NOT NULL,
  seat_versions  integer[] NOT NULL,
  PRIMARY KEY (event_id, batch_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE INDEX ledger_unnumbered_at ON inventory.ledger_unnumbered (at);

-- The gap-free order of an event's entries, a row for those of one statement: the last of them has last_seq, the others
-- the numbers before it, in the order of the lists. With a row and an index entry for each, numbering cost Postgres
-- nearly as much as the holds themselves.
CREATE TABLE inventory.ledger_sequence (
  event_id       uuid NOT NULL,
  last_seq       bigint NOT NULL,
  at             timestamptz NOT NULL,
  seat_ids       text[] COLLATE "C" NOT NULL,
  seat_versions  integer[] NOT NULL,
  PRIMARY KEY (event_id, last_seq)
);

CREATE TABLE inventory.ledger_counters (
  event_id       uuid PRIMARY KEY,
  last_seq       bigint NOT NULL DEFAULT 0,
  published_seq  bigint NOT NULL DEFAULT 0,
  CONSTRAINT ledger_counters_order CHECK (published_seq <= last_seq)
) WITH (fillfactor = 50);
