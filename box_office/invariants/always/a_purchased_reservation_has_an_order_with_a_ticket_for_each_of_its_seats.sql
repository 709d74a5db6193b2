-- A purchased reservation has an order with a ticket for each of its seats.
SELECT r.id AS reservation_id, r.status, r.seat_indexes, o.id AS order_id, t.seats
FROM reservations r
FULL JOIN orders o ON o.reservation_id = r.id
LEFT JOIN (
    SELECT order_id, array_agg(seat_index ORDER BY seat_index) AS seats
    FROM tickets GROUP BY order_id
) t ON t.order_id = o.id
WHERE (r.status = 'PURCHASED' OR o.id IS NOT NULL)
  AND (r.status IS DISTINCT FROM 'PURCHASED' OR o.buyer_id IS DISTINCT FROM r.buyer_id
       -- Most are in order as they are; sorting each of a million takes its time.
       OR (t.seats IS DISTINCT FROM r.seat_indexes
           AND t.seats IS DISTINCT FROM ARRAY(
               SELECT seat FROM unnest(r.seat_indexes) seat ORDER BY seat)))
