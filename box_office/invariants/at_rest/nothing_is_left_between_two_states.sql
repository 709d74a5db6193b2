-- Nothing is left between two states.
--
-- A payment that waits for its buyer at the bank is given up at its deadline, three minutes on.
SELECT 'reservation' AS what, r.id, r.status AS state FROM reservations r
WHERE r.status = 'PAYING' AND r.expires_at < now() + interval '3 minutes' - CAST(:grace AS interval)
UNION ALL
SELECT 'payment', p.id, p.state FROM payments p
WHERE p.state IN ('STARTED', 'ACTION_REQUIRED', 'AUTHORISED', 'VOIDING', 'REFUNDING')
  AND p.updated_at <= now() - CAST(:grace AS interval)
UNION ALL
SELECT 'hint', h.payment_id, 'not handled' FROM payment_hints h
WHERE NOT h.handled AND h.received_at <= now() - CAST(:grace AS interval)
UNION ALL
SELECT 'restore', t.id, 'not compared with the payment provider' FROM restores t
WHERE t.compared_at IS NULL AND t.restored_at <= now() - CAST(:grace AS interval)
