-- Where sellers want to hear what happens to their seats, and how far each of them has heard. event_id leads the keys, so
-- that the tables can be distributed with the ledger they follow.
CREATE SCHEMA webhooks;

CREATE TYPE webhooks.endpoint_state AS ENUM ('active', 'paused', 'disabled');
CREATE TYPE webhooks.outcome AS ENUM ('delivered', 'refused', 'gone', 'timed-out', 'unreachable', 'not-allowed');

-- The gate of an event's number of endpoints: whoever adds one locks this row before counting.
CREATE TABLE webhooks.events (
  event_id  uuid PRIMARY KEY
);

-- organiser_id: whose event it is, which never changes; so many deliveries of one organiser may be under way at a time.
-- kinds: NULL for all. With the url it never changes, so that a delivery repeated is the same one.
-- secret_generation: the secret itself is derived from it, and stands nowhere.
-- delivered_seq: the cursor. sending_seq: how far the delivery under way goes, so that it is repeated as it was.
-- turn: rises whenever a worker takes the endpoint up; what another turn learnt is void.
-- leased_until: somebody delivers; nobody else takes it up before.
-- next_at: the wait after a failure.
-- failures: in a row. attempts: all there ever were; numbers the log.
CREATE TABLE webhooks.endpoints (
  event_id              uuid NOT NULL,
  endpoint_id           uuid NOT NULL,
  organiser_id          text COLLATE "C" NOT NULL,
  url                   text NOT NULL,
  kinds                 text[],
  state                 webhooks.endpoint_state NOT NULL DEFAULT 'active',
  disabled_reason       text CHECK (disabled_reason IN ('gone', 'failing')),
  secret_generation     integer NOT NULL DEFAULT 1,
  previous_signs_until  timestamptz,
  delivered_seq         bigint NOT NULL,
  sending_seq           bigint,
  turn                  bigint NOT NULL DEFAULT 0,
  leased_until          timestamptz,
  next_at               timestamptz NOT NULL,
  failures              integer NOT NULL DEFAULT 0,
  failing_since         timestamptz,
  last_failure          text,
  last_failure_at       timestamptz,
  last_delivered_at     timestamptz,
  attempts              bigint NOT NULL DEFAULT 0,
  created_at            timestamptz NOT NULL,
  PRIMARY KEY (event_id, endpoint_id),
  CONSTRAINT endpoints_disabled_has_reason CHECK ((state = 'disabled') = (disabled_reason IS NOT NULL)),
  CONSTRAINT endpoints_sends_ahead CHECK (sending_seq > delivered_seq),
  CONSTRAINT endpoints_failing_has_start CHECK ((failures > 0) = (failing_since IS NOT NULL)),
  CONSTRAINT endpoints_failure_has_time CHECK ((last_failure IS NULL) = (last_failure_at IS NULL))
) WITH (fillfactor = 70);

-- The couriers' queues, one an organiser.
CREATE INDEX endpoints_due ON webhooks.endpoints (organiser_id, next_at) WHERE state = 'active';

-- The last requests to each endpoint. A ring: the next one overwrites the oldest, so it never needs clearing.
CREATE TABLE webhooks.attempts (
  event_id     uuid NOT NULL,
  endpoint_id  uuid NOT NULL,
  slot         smallint NOT NULL,
  nth          bigint NOT NULL,
  webhook_id   text NOT NULL,
  first_seq    bigint NOT NULL,
  last_seq     bigint NOT NULL,
  outcome      webhooks.outcome NOT NULL,
  detail       text NOT NULL,
  took_ms      integer NOT NULL,
  at           timestamptz NOT NULL,
  PRIMARY KEY (event_id, endpoint_id, slot),
  FOREIGN KEY (event_id, endpoint_id) REFERENCES webhooks.endpoints ON DELETE CASCADE
) WITH (fillfactor = 70);

-- What the organiser's requests were answered with. Kept for a day and more.
CREATE TABLE webhooks.idempotency_keys (
  event_id           uuid NOT NULL,
  verb               text NOT NULL,
  key                text NOT NULL,
  body_hash          bytea NOT NULL,
  endpoint_id        uuid NOT NULL,
  secret_generation  integer,
  signs_until        timestamptz,
  recorded_at        timestamptz NOT NULL,
  PRIMARY KEY (event_id, verb, key)
);

CREATE INDEX idempotency_keys_recorded ON webhooks.idempotency_keys USING brin (recorded_at);
