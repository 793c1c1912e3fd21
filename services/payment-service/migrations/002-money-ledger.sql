-- Double entry: a row moves an amount from one account to another, so that every posting, and every sum of postings, adds
-- up to nothing by its form. Written in the statement of the move that makes it true; never changed.
--
--   buyers       the cards of those who pay: what left them, below zero
--   authorised   set aside on cards, not yet taken
--   captured     taken: with the provider, and the seller's once it pays out. Its fees are not known here
--
-- subject_id: the refund of a refund's postings, else the attempt. Each fact of it is posted once.
CREATE TABLE payments.money_ledger (
  event_id     uuid NOT NULL,
  attempt_id   uuid NOT NULL,
  subject_id   uuid NOT NULL,
  kind         text COLLATE "C" NOT NULL,
  debit        text COLLATE "C" NOT NULL,
  credit       text COLLATE "C" NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  at           timestamptz NOT NULL,
  PRIMARY KEY (event_id, attempt_id, subject_id, kind),
  CONSTRAINT money_ledger_kinds CHECK ((kind, debit, credit) IN (
    ('authorised', 'authorised', 'buyers'),
    ('captured', 'captured', 'authorised'),
    ('released', 'buyers', 'authorised'),
    ('refunded', 'buyers', 'captured'),
    -- The bank sent the money back: it is with the provider again.
    ('refund-failed', 'captured', 'buyers')))
);

CREATE FUNCTION payments.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;

CREATE TRIGGER money_ledger_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.money_ledger
  FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change();

-- The two entries of every posting.
CREATE VIEW payments.money_entries AS
SELECT m.event_id, m.attempt_id, m.subject_id, m.kind, e.account, e.amount_minor, m.currency, m.at
  FROM payments.money_ledger m
 CROSS JOIN LATERAL (VALUES (m.debit, m.amount_minor), (m.credit, -m.amount_minor)) AS e (account, amount_minor);
