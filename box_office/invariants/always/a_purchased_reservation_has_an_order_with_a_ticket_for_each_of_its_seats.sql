-- A purchased reservation has an order with a ticket for each of its seats.
SELECT r.id AS reservation_id, r.status, r.seat_indexes, o.id AS order_id, t.seats
FROM reservations r
FULL JOIN orders o ON o.reservation_id = r.id
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT seat_index ORDER BY seat_index) AS seats
    FROM tickets WHERE order_id = o.id
) t ON true
WHERE (r.status = 'PURCHASED' OR o.id IS NOT NULL)
  AND (r.status IS DISTINCT FROM 'PURCHASED' OR o.buyer_id IS DISTINCT FROM r.buyer_id
       OR t.seats IS DISTINCT FROM ARRAY(
           SELECT DISTINCT seat FROM unnest(r.seat_indexes) seat ORDER BY seat))
