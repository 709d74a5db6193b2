-- Lock up to p_count free seats between two indexes: first those that look free to the caller, then
-- whatever is not locked by somebody else, lowest first. Patient: wait for locked ones instead.
CREATE FUNCTION lock_free_places(
    p_event uuid, p_first integer, p_last integer, p_count integer,
    p_excluded integer[], p_candidates integer[], p_patient boolean
) RETURNS event_seats[] LANGUAGE plpgsql AS $$
DECLARE
    v_found event_seats[] := '{}';
BEGIN
    IF p_patient THEN
        RETURN ARRAY(
            SELECT s FROM event_seats s
            WHERE s.event_id = p_event AND s.seat_index BETWEEN p_first AND p_last
              AND s.seat_index <> ALL (p_excluded)
              AND (s.state = 0 OR (s.state = 1 AND s.held_until <= now()))
            ORDER BY s.seat_index LIMIT p_count FOR UPDATE
        );
    END IF;
    IF cardinality(p_candidates) > 0 THEN
        v_found := ARRAY(
            SELECT s FROM event_seats s
            WHERE s.event_id = p_event AND s.seat_index = ANY (p_candidates)
              AND s.seat_index BETWEEN p_first AND p_last
              AND s.seat_index <> ALL (p_excluded)
              AND (s.state = 0 OR (s.state = 1 AND s.held_until <= now()))
            ORDER BY s.seat_index LIMIT p_count FOR UPDATE SKIP LOCKED
        );
    END IF;
    IF cardinality(v_found) < p_count THEN
        v_found := v_found || ARRAY(
            SELECT s FROM event_seats s
            WHERE s.event_id = p_event AND s.seat_index BETWEEN p_first AND p_last
              AND s.seat_index <> ALL (
                  p_excluded || ARRAY(SELECT f.seat_index FROM unnest(v_found) f))
              AND (s.state = 0 OR (s.state = 1 AND s.held_until <= now()))
            ORDER BY s.seat_index LIMIT p_count - cardinality(v_found) FOR UPDATE SKIP LOCKED
        );
    END IF;
    RETURN v_found;
END
$$;
