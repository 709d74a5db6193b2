-- No seat is sold to somebody who does not hold it.
SELECT t.event_id, t.seat_index, s.reservation_id AS owner, o.reservation_id AS sold_to
FROM tickets t
JOIN orders o ON o.id = t.order_id
JOIN event_seats s ON s.event_id = t.event_id AND s.seat_index = t.seat_index
WHERE t.status = 'VALID' AND s.state = 2 AND s.reservation_id <> o.reservation_id
