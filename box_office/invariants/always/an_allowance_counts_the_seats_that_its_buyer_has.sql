-- An allowance counts the seats that its buyer has.
SELECT event_id, buyer_id, a.seats AS allowance, h.seats AS has
FROM (
    SELECT r.event_id, r.buyer_id, sum(cardinality(r.seat_indexes)) AS seats
    FROM reservations r LEFT JOIN orders o ON o.reservation_id = r.id
    WHERE r.status IN ('OPEN', 'PAYING')
       OR (r.status = 'PURCHASED' AND coalesce(o.status, 'PAID')
           NOT IN ('CANCELLED', 'REFUNDED'))
    GROUP BY r.event_id, r.buyer_id
) h FULL JOIN allowances a USING (event_id, buyer_id)
WHERE coalesce(a.seats, 0) <> coalesce(h.seats, 0)
