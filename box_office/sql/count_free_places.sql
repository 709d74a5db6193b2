-- Count the places between two indexes that look free, locked by somebody or not, without p_named;
-- not beyond p_enough.
CREATE FUNCTION count_free_places(
    p_event uuid, p_first integer, p_last integer, p_named integer[], p_enough integer
) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT count(*)::integer FROM (
        SELECT 1 FROM event_seats s
        WHERE s.event_id = p_event AND s.seat_index BETWEEN p_first AND p_last
          AND (s.state = 0 OR (s.state = 1 AND s.held_until <= now()))
          AND NOT EXISTS (SELECT 1 FROM unnest(p_named) n WHERE n = s.seat_index)
        LIMIT p_enough
    ) free
$$;
