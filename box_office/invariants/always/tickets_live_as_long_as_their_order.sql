-- Tickets live as long as their order.
SELECT o.id AS order_id, o.status, t.id AS ticket_id, t.status AS ticket_status
FROM orders o JOIN tickets t ON t.order_id = o.id
WHERE (o.status IN ('COMMITTED', 'PAID')) <> (t.status = 'VALID')
