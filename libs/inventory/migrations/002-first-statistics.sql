-- What the planner should believe before a table was ever analysed.
--
-- Without statistics Postgres takes an event for one two-hundredth of a table. So it read all that an event has by the
-- index on event_id alone, for a verb that names two rows: 19 ms for a batch of 20 holds in a sale of 5,000 seats, and
-- growing with the sale. A sale begins with empty tables and is over before autovacuum comes by. Each table is analysed
-- here once with rows of one event, which are taken away again; the statistics stay until real ones replace them.
CREATE FUNCTION pg_temp.nth_id(n integer) RETURNS uuid LANGUAGE sql
  AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;

INSERT INTO inventory.seats (event_id, seat_id, ordinal, category, state, hold_id, deadline)
SELECT pg_temp.nth_id(0), 'seat-' || n, n, n % 4,
       CASE WHEN n % 4 = 0 THEN 'held' WHEN n % 4 = 1 THEN 'booked' ELSE 'available' END::inventory.seat_state,
       CASE WHEN n % 4 < 2 THEN pg_temp.nth_id(n) END,
       CASE WHEN n % 4 = 0 THEN now() + n * interval '1 second' END
  FROM generate_series(1, 1000) n;

INSERT INTO inventory.holds
       (event_id, hold_id, buyer_id, hold_key, body_hash, state, seat_ids, seat_count, amount_minor, held_at,
        first_deadline, deadline, attempt_id, ended_at)
SELECT pg_temp.nth_id(0), pg_temp.nth_id(n), 'buyer-' || n, 'key-' || n, '\x00',
       CASE n % 4 WHEN 0 THEN 'booked' WHEN 1 THEN 'expired' ELSE 'held' END::inventory.hold_state,
       ARRAY['seat-' || n], 1, n, now(), now() + n * interval '1 second', now() + n * interval '1 second',
       CASE n % 4 WHEN 0 THEN pg_temp.nth_id(n) END, CASE n % 4 WHEN 1 THEN now() END
  FROM generate_series(1, 1000) n;

INSERT INTO inventory.buyers (event_id, buyer_id, version)
SELECT pg_temp.nth_id(0), 'buyer-' || n, 1 FROM generate_series(1, 1000) n;

INSERT INTO inventory.fences (event_id, attempt_id, hold_id, state, hold_version, deadline, decided_at)
SELECT pg_temp.nth_id(0), pg_temp.nth_id(n), pg_temp.nth_id(n), 'booked', 1, now(), now()
  FROM generate_series(1, 1000) n;

INSERT INTO inventory.unbookings (event_id, unbook_id, hold_id, seat_ids, decided_at)
SELECT pg_temp.nth_id(0), pg_temp.nth_id(n), pg_temp.nth_id(n), ARRAY['seat-' || n], now()
  FROM generate_series(1, 1000) n;

INSERT INTO inventory.idempotency_keys (event_id, actor_id, verb, key, body_hash, answer, recorded_at)
SELECT pg_temp.nth_id(0), 'buyer-' || n, 'extend', 'key-' || n, '\x00', '{}', now() FROM generate_series(1, 1000) n;

INSERT INTO inventory.ledger (event_id, seat_id, seat_version, kind, hold_id, actor, at)
SELECT pg_temp.nth_id(0), 'seat-' || n, 1, 'held', pg_temp.nth_id(n), 'buyer', now() FROM generate_series(1, 1000) n;

INSERT INTO inventory.ledger_sequence (event_id, last_seq, at, seat_ids, seat_versions)
SELECT pg_temp.nth_id(0), n, now(), ARRAY['seat-' || n], '{1}' FROM generate_series(1, 1000) n;

ANALYZE inventory.seats, inventory.holds, inventory.buyers, inventory.fences, inventory.unbookings,
        inventory.idempotency_keys, inventory.ledger, inventory.ledger_sequence;

DELETE FROM inventory.seats WHERE event_id = pg_temp.nth_id(0);
DELETE FROM inventory.holds WHERE event_id = pg_temp.nth_id(0);
DELETE FROM inventory.buyers WHERE event_id = pg_temp.nth_id(0);
DELETE FROM inventory.fences WHERE event_id = pg_temp.nth_id(0);
DELETE FROM inventory.unbookings WHERE event_id = pg_temp.nth_id(0);
DELETE FROM inventory.idempotency_keys WHERE event_id = pg_temp.nth_id(0);
DELETE FROM inventory.ledger WHERE event_id = pg_temp.nth_id(0);
DELETE FROM inventory.ledger_sequence WHERE event_id = pg_temp.nth_id(0);
