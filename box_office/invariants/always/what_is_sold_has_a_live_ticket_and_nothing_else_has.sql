-- What is sold has a live ticket and nothing else has.
SELECT s.event_id, s.seat_index, s.state, t.id AS ticket_id
FROM event_seats s
LEFT JOIN tickets t
    ON t.event_id = s.event_id AND t.seat_index = s.seat_index AND t.status = 'VALID'
WHERE (s.state = 2) <> (t.id IS NOT NULL)
