-- Whatever has lapsed has been swept.
SELECT id, expires_at FROM reservations WHERE status = 'OPEN' AND expires_at <= now() - CAST(:grace AS interval)
