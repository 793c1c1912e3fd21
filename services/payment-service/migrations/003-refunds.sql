-- Money on its way back: of seats that are given up, or all of an attempt that was charged and lost its seats.
CREATE TYPE payments.refund_state AS ENUM ('started', 'unbooked', 'refunding', 'refunded', 'failed', 'refused');

-- refund_key, body_hash, asked_by: of the request; NULL where the money is given back without being asked.
-- hold_id, intent_id, currency: the attempt's, which do not change any more.
-- unbook_seat_ids: those of the seats that are given back with it; a refund before it, which failed, has given back the rest.
-- version, key_generation, key_spent, tries, next_at, in_hand: as of an attempt.
CREATE TABLE payments.refunds (
  event_id           uuid NOT NULL,
  refund_id          uuid NOT NULL,
  attempt_id         uuid NOT NULL,
  hold_id            uuid NOT NULL,
  intent_id          text,
  asked_by           text COLLATE "C",
  refund_key         text COLLATE "C",
  body_hash          bytea,
  seat_ids           text[] COLLATE "C" NOT NULL,
  unbook_seat_ids    text[] COLLATE "C" NOT NULL DEFAULT '{}',
  amount_minor       bigint NOT NULL CHECK (amount_minor >= 0),
  currency           text NOT NULL,
  state              payments.refund_state NOT NULL,
  version            integer NOT NULL DEFAULT 1,
  failure            text,
  provider_refund_id text COLLATE "C",
  key_generation     integer NOT NULL DEFAULT 1,
  key_spent          boolean NOT NULL DEFAULT false,
  tries              integer NOT NULL DEFAULT 0,
  next_at            timestamptz NOT NULL,
  in_hand            boolean NOT NULL DEFAULT true,
  created_at         timestamptz NOT NULL,
  ended_at           timestamptz,
  PRIMARY KEY (event_id, refund_id),
  FOREIGN KEY (event_id, attempt_id) REFERENCES payments.attempts,
  CONSTRAINT refunds_key_used_once UNIQUE (event_id, attempt_id, asked_by, refund_key),
  CONSTRAINT refunds_asked_together CHECK (num_nulls(asked_by, refund_key, body_hash) IN (0, 3)),
  CONSTRAINT refunds_end_has_time CHECK ((ended_at IS NOT NULL) = (state IN ('refunded', 'failed', 'refused'))),
  CONSTRAINT refunds_failure_has_reason CHECK ((failure IS NOT NULL) = (state IN ('failed', 'refused'))),
  CONSTRAINT refunds_money_has_intent CHECK ((amount_minor = 0) = (intent_id IS NULL)),
  CONSTRAINT refunds_unbook_their_seats CHECK (unbook_seat_ids <@ seat_ids),
  CONSTRAINT refunds_known_to_provider CHECK (state <> 'refunding' OR provider_refund_id IS NOT NULL)
) WITH (fillfactor = 70);

CREATE INDEX refunds_unfinished ON payments.refunds (next_at) WHERE ended_at IS NULL;
CREATE INDEX refunds_of_attempt ON payments.refunds (event_id, attempt_id);

-- A seat of a payment is given back once, by this refund. Its money may be asked for again when that one failed.
CREATE TABLE payments.refund_seats (
  event_id   uuid NOT NULL,
  attempt_id uuid NOT NULL,
  seat_id    text COLLATE "C" NOT NULL,
  refund_id  uuid NOT NULL,
  PRIMARY KEY (event_id, attempt_id, seat_id),
  FOREIGN KEY (event_id, refund_id) REFERENCES payments.refunds
);
