-- What the provider has told us, each event once. Kept apart from the attempts, because it may be about none of them: it
-- is found by the provider's own id. The body is not kept: it carries the payer's data, and the provider gives it again.
--
-- verdict: what was made of it. hint: an attempt or refund is due, and will read the provider. settled: it told nothing
-- new. doubtful: it does not fit what we know; reconciliation reads the object. unknown-type: nothing of ours.
-- check_at: reconciliation looks at the object from then on; NULL when there is nothing (more) to look at.
CREATE TABLE payments.inbox (
  provider_event_id text COLLATE "C" PRIMARY KEY,
  type              text NOT NULL,
  object_id         text COLLATE "C" NOT NULL,
  intent_id         text COLLATE "C",
  event_id          uuid,
  attempt_id        uuid,
  created_at        timestamptz NOT NULL,
  received_at       timestamptz NOT NULL,
  verdict           text NOT NULL CHECK (verdict IN ('hint', 'settled', 'doubtful', 'unknown-type')),
  check_at          timestamptz,
  CONSTRAINT inbox_only_doubts_are_checked CHECK (check_at IS NULL OR verdict = 'doubtful')
);

CREATE INDEX inbox_to_check ON payments.inbox (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX inbox_by_time ON payments.inbox (received_at);

-- Where the provider's books and ours differ, or money could not be moved as it should. Each finding is one row, however
-- often it is seen; it stays open until somebody, or reconciliation itself, has put it right.
CREATE TABLE payments.breaks (
  break_id    uuid PRIMARY KEY,
  kind        text COLLATE "C" NOT NULL,
  object_id   text COLLATE "C" NOT NULL,
  event_id    uuid,
  attempt_id  uuid,
  refund_id   uuid,
  details     jsonb NOT NULL,
  found_at    timestamptz NOT NULL,
  seen_at     timestamptz NOT NULL,
  resolved_at timestamptz,
  resolved_by text,
  note        text,
  CONSTRAINT breaks_found_once UNIQUE (kind, object_id),
  CONSTRAINT breaks_resolved_together CHECK (num_nulls(resolved_at, resolved_by, note) IN (0, 3))
);

CREATE INDEX breaks_open ON payments.breaks (found_at) WHERE resolved_at IS NULL;
