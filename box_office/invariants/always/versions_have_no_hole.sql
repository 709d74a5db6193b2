-- Versions have no hole.
--
-- The log's oldest rows may be dropped; from there to the ledger's version it has each.
SELECT l.event_id, l.version, c.first, c.last, c.count
FROM event_ledgers l
LEFT JOIN (
    SELECT event_id, min(version) AS first, max(version) AS last, count(*) AS count
    FROM seat_changes GROUP BY event_id
) c ON c.event_id = l.event_id
WHERE c.last <> l.version OR c.count <> c.last - c.first + 1
