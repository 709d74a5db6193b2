-- What was taken is what the live tickets cost.
--
-- For each event, as an accountant would ask: captured, less what is going back or is back, is the
-- sum of the tickets that let somebody in. Money on its way (an order COMMITTED) is not taken yet.
SELECT event_id, coalesce(taken.minor, 0) AS taken, coalesce(live.minor, 0) AS live
FROM (
    SELECT r.event_id, sum(p.amount_minor) AS minor
    FROM payments p JOIN reservations r ON r.id = p.reservation_id
    WHERE p.state = 'CAPTURED' GROUP BY r.event_id
) taken
FULL JOIN (
    SELECT t.event_id, sum(t.price_minor) AS minor
    FROM tickets t JOIN orders o ON o.id = t.order_id
    WHERE t.status = 'VALID' AND o.status = 'PAID' GROUP BY t.event_id
) live USING (event_id)
WHERE coalesce(taken.minor, 0) <> coalesce(live.minor, 0)
