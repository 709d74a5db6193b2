-- The last step of every change of seats: count it, number it, log it.
--
-- The ledger's row lock is taken here and held until the commit, so commit order is version order:
-- who sees version v sees v - 1 committed. The time is read under that lock and rises with the
-- version, whatever the clock does: old rows are dropped by their time, and a later version with an
-- earlier time would leave a hole. Seat i went from p_before[i] to p_after[i].
CREATE FUNCTION record_seat_changes(
    p_event uuid, p_seats integer[], p_before smallint[], p_after smallint[],
    OUT o_version bigint, OUT o_committed_at timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE event_ledgers l
    SET version = l.version + 1,
        available = l.available + d.available,
        held = l.held + d.held,
        sold = l.sold + d.sold,
        blocked = l.blocked + d.blocked
    FROM (
        SELECT count(*) FILTER (WHERE a = 0) - count(*) FILTER (WHERE b = 0) AS available,
               count(*) FILTER (WHERE a = 1) - count(*) FILTER (WHERE b = 1) AS held,
               count(*) FILTER (WHERE a = 2) - count(*) FILTER (WHERE b = 2) AS sold,
               count(*) FILTER (WHERE a = 3) - count(*) FILTER (WHERE b = 3) AS blocked
        FROM unnest(p_before, p_after) AS change (b, a)
    ) d
    WHERE l.event_id = p_event
    RETURNING l.version INTO STRICT o_version;

    SELECT greatest(clock_timestamp(), max(c.committed_at)) INTO STRICT o_committed_at
    FROM seat_changes c WHERE c.event_id = p_event AND c.version = o_version - 1;
    INSERT INTO seat_changes (event_id, version, seat_indexes, states, committed_at)
    VALUES (p_event, o_version, p_seats, p_after, o_committed_at);
END
$$;
