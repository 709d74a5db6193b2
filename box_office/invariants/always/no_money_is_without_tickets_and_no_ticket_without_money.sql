-- No money is without tickets and no ticket without money.
--
-- An order and the one payment behind it tell the same story, of the same amount. Money that came
-- too late goes back without ever having had an order; or was only set aside, and is let go of.
SELECT o.id AS order_id, o.status, p.id AS payment_id, p.state, p.amount_minor, t.minor
FROM orders o
JOIN (SELECT order_id, sum(price_minor) AS minor FROM tickets GROUP BY order_id) t
    ON t.order_id = o.id
FULL JOIN (
    SELECT * FROM payments p
    WHERE state IN ('AUTHORISED', 'CAPTURED')
       OR (state IN ('REFUNDING', 'REFUNDED', 'DECLINED', 'VOIDED') AND EXISTS (
           SELECT 1 FROM orders o WHERE o.reservation_id = p.reservation_id)
           AND attempt = (SELECT max(q.attempt) FROM payments q
                          WHERE q.reservation_id = p.reservation_id))
) p ON p.reservation_id = o.reservation_id
WHERE o.id IS NULL OR (t.minor > 0 AND (
    p.id IS NULL OR p.amount_minor <> t.minor OR p.currency_code <> o.currency_code
    OR (o.status, p.state) NOT IN (
        ('COMMITTED', 'AUTHORISED'), ('PAID', 'CAPTURED'),
        ('CANCELLED', 'REFUNDING'), ('REFUNDED', 'REFUNDED'),
        ('CANCELLED', 'DECLINED'), ('CANCELLED', 'VOIDED'))))
