-- A reservation has all its seats until its time is over.
--
-- By the clock, not by now(): the audit began before the moment that its snapshot shows, and a hold
-- that lapsed in between may rightly be somebody else's there.
SELECT r.id AS reservation_id, r.status, seat, s.state, s.reservation_id AS owner
FROM reservations r
CROSS JOIN unnest(r.seat_indexes) AS seat
LEFT JOIN event_seats s ON s.event_id = r.event_id AND s.seat_index = seat
WHERE r.status IN ('OPEN', 'PAYING') AND r.expires_at > clock_timestamp()
  AND (s.state, s.reservation_id, s.held_until)
      IS DISTINCT FROM (1::smallint, r.id, r.expires_at)
