-- The bare golden write: one seat, one row, by its key. Every client walks seats of its own, so every update wins.
\set n :n + 1
\set seat :first + :client_id + :clients * :n
UPDATE inventory.seats
   SET state = 'held', hold_id = gen_random_uuid(), deadline = clock_timestamp() + interval '10 minutes', version = version + 1
 WHERE event_id = :event_id AND seat_id = 'S' || :seat::int
   AND (state = 'available' OR (state = 'held' AND deadline <= (SELECT clock_timestamp())));
