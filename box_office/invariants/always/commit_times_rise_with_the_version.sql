-- Commit times rise with the version.
SELECT * FROM (
    SELECT event_id, version, committed_at,
           lag(committed_at) OVER (PARTITION BY event_id ORDER BY version) AS before
    FROM seat_changes
) c WHERE c.before > c.committed_at
