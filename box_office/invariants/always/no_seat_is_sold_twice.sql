-- No seat is sold twice.
--
-- One live ticket a seat; and as many tickets ever as the log knows of sales, where it still knows
-- all: older rows of the log are dropped.
SELECT event_id, seat_index, 'live tickets' AS what, count(*) AS tickets, 1 AS sales
FROM tickets WHERE status = 'VALID' GROUP BY event_id, seat_index HAVING count(*) > 1
UNION ALL
SELECT event_id, seat_index, 'all tickets', coalesce(t.count, 0), coalesce(h.count, 0)
FROM (SELECT event_id, seat_index, count(*) FROM history
      WHERE state = 2 AND before IS DISTINCT FROM 2 GROUP BY event_id, seat_index) h
FULL JOIN (SELECT event_id, seat_index, count(*) FROM tickets
           GROUP BY event_id, seat_index) t USING (event_id, seat_index)
WHERE h.count IS DISTINCT FROM t.count
  AND event_id IN (SELECT event_id FROM seat_changes WHERE version = 1)
