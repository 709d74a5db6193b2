-- A held seat has a reservation that is not over.
SELECT s.event_id, s.seat_index, s.reservation_id, r.status
FROM event_seats s
LEFT JOIN reservations r ON r.id = s.reservation_id
    AND r.event_id = s.event_id AND s.seat_index = ANY (r.seat_indexes)
WHERE s.state = 1 AND (r.status IS NULL OR r.status NOT IN ('OPEN', 'PAYING'))
