-- An order costs what its tickets cost.
SELECT o.id AS order_id, o.total_minor, sum(t.price_minor) AS tickets_minor
FROM orders o LEFT JOIN tickets t ON t.order_id = o.id
GROUP BY o.id HAVING o.total_minor IS DISTINCT FROM sum(t.price_minor)
