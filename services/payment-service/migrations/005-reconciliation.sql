-- Up to when the provider's books have been compared with ours. One row: one instance compares at a time.
CREATE TABLE payments.reconciliation (
  the_one          boolean PRIMARY KEY DEFAULT true CHECK (the_one),
  reconciled_until timestamptz NOT NULL,
  next_at          timestamptz NOT NULL
);

INSERT INTO payments.reconciliation (reconciled_until, next_at) VALUES (now(), now());

-- Both sides are compared by when they began.
CREATE INDEX attempts_by_time ON payments.attempts (created_at);
CREATE INDEX refunds_by_time ON payments.refunds (created_at);
CREATE INDEX refunds_by_id ON payments.refunds (refund_id);
