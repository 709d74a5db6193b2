-- The change log leads to the seats as they are.
--
-- A seat that the log does not mention is as it was published, where the log still knows all.
SELECT s.event_id, s.seat_index, s.state, last.state AS logged
FROM (
    SELECT DISTINCT ON (event_id, seat_index) event_id, seat_index, state FROM history
    ORDER BY event_id, seat_index, version DESC
) last
FULL JOIN event_seats s USING (event_id, seat_index)
WHERE s.state IS DISTINCT FROM last.state
  AND NOT (last.state IS NULL AND (
      s.state IN (0, 3)
      OR s.event_id NOT IN (SELECT event_id FROM seat_changes WHERE version = 1)))
