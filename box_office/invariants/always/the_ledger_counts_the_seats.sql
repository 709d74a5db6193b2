-- The ledger counts the seats.
SELECT l.*, s.available AS free_seats, s.held AS held_seats, s.sold AS sold_seats
FROM event_ledgers l
JOIN (
    SELECT event_id, count(*) AS seat_count, count(*) FILTER (WHERE state = 0) AS available,
           count(*) FILTER (WHERE state = 1) AS held,
           count(*) FILTER (WHERE state = 2) AS sold,
           count(*) FILTER (WHERE state = 3) AS blocked
    FROM event_seats GROUP BY event_id
) s ON s.event_id = l.event_id
WHERE (l.seat_count, l.available, l.held, l.sold, l.blocked)
      IS DISTINCT FROM (s.seat_count, s.available, s.held, s.sold, s.blocked)
