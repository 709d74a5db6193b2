-- End lapsed reservations of one event, those that lapsed first, at most p_most, and free the seats
-- they still have. One that somebody else is busy with is skipped: the next sweep finds it, if it is
-- still open. By time and not by id, for the index of open ones by their end; who skips never waits.
CREATE FUNCTION expire_reservations(
    p_event uuid, p_most integer,
    OUT o_expired integer, OUT o_version bigint, OUT o_committed_at timestamptz,
    OUT o_changed integer[], OUT o_states smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_lapsed reservations[];
BEGIN
    SELECT coalesce(array_agg(l.r ORDER BY (l.r).id), '{}') INTO v_lapsed FROM (
        SELECT r FROM reservations r
        WHERE r.status = 'OPEN' AND r.expires_at <= now() AND r.event_id = p_event
        ORDER BY r.expires_at LIMIT p_most FOR UPDATE SKIP LOCKED
    ) l;
    o_expired := cardinality(v_lapsed);
    IF o_expired = 0 THEN
        RETURN;
    END IF;
    UPDATE reservations r SET status = 'EXPIRED'
    WHERE r.id = ANY (ARRAY(SELECT m.id FROM unnest(v_lapsed) m));
    SELECT b.o_version, b.o_committed_at, b.o_seats,
           array_fill(0::smallint, ARRAY[coalesce(cardinality(b.o_seats), 0)])
    INTO o_version, o_committed_at, o_changed, o_states
    FROM give_back_seats(
        p_event,
        ARRAY(SELECT m.id FROM unnest(v_lapsed) m),
        ARRAY(SELECT m.buyer_id FROM unnest(v_lapsed) m),
        ARRAY(SELECT cardinality(m.seat_indexes) FROM unnest(v_lapsed) m),
        ARRAY(SELECT seat FROM unnest(v_lapsed) m, unnest(m.seat_indexes) seat)) b;
END
$$;
