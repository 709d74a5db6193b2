-- Decide a batch of requests to give seats back: some of a reservation's, or (p_whole) all of them.
--
-- Request i is that of p_buyers[i] about p_reservations[i]; the seats to release are the pairs
-- (p_requests, p_seats), and those that are not in the reservation are passed over. Whoever releases
-- the last seat cancels. A cancelled reservation keeps its list of seats, to say what it was.
--
-- Gives one row a request: done, or the status that forbids it; no status: no such reservation.
-- What changed is told in the first row. Locks: reservations by id, then as give_back_seats does.
CREATE FUNCTION release_seats(
    p_event uuid, p_reservations uuid[], p_buyers uuid[], p_whole boolean[], p_reasons text[],
    p_requests integer[], p_seats integer[]
) RETURNS TABLE (
    o_done boolean, o_status text, o_seats integer[], o_expires_at timestamptz,
    o_seconds_left integer,
    o_version bigint, o_committed_at timestamptz, o_changed integer[], o_states smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_mine reservations[];
    v_open uuid[];
    v_requests integer[];
    v_seats integer[];
    v_back record;
BEGIN
    SELECT coalesce(array_agg(l.r), '{}') INTO v_mine FROM (
        SELECT r FROM reservations r
        WHERE r.event_id = p_event AND r.id = ANY (p_reservations)
        ORDER BY r.id FOR UPDATE
    ) l;
    SELECT coalesce(array_agg(m.id), '{}') INTO v_open
    FROM unnest(v_mine) m WHERE m.status = 'OPEN' AND m.expires_at > now();

    -- Which of the asked seats are really held by the reservation.
    SELECT coalesce(array_agg(t.request), '{}'), coalesce(array_agg(t.seat), '{}')
    INTO v_requests, v_seats
    FROM (
        SELECT q.request, has.seat
        FROM unnest(p_reservations, p_buyers, p_whole) WITH ORDINALITY
            AS q (reservation, buyer, whole, request)
        JOIN unnest(v_mine) m ON m.id = q.reservation AND m.buyer_id = q.buyer
        CROSS JOIN unnest(m.seat_indexes) AS has (seat)
        WHERE m.id = ANY (v_open) AND (q.whole OR EXISTS (
            SELECT 1 FROM unnest(p_requests, p_seats) AS a (request, seat)
            WHERE a.request = q.request AND a.seat = has.seat))
    ) t;

    -- Reservations first: their order of locks comes before that of the seats.
    UPDATE reservations r
    SET status = CASE WHEN g.count = cardinality(r.seat_indexes) THEN 'CANCELLED' ELSE 'OPEN' END,
        cancel_reason = CASE WHEN g.count = cardinality(r.seat_indexes) THEN g.reason END,
        seat_indexes = CASE WHEN g.count = cardinality(r.seat_indexes) THEN r.seat_indexes ELSE
            ARRAY(SELECT seat FROM unnest(r.seat_indexes) seat WHERE seat <> ALL (g.seats)) END
    FROM (
        SELECT t.request, p_reservations[t.request] AS id, p_reasons[t.request] AS reason,
               count(*) AS count, array_agg(t.seat) AS seats
        FROM unnest(v_requests, v_seats) AS t (request, seat) GROUP BY t.request
    ) g
    WHERE r.id = g.id;
    SELECT b.* INTO v_back FROM give_back_seats(
        p_event, v_open,
        ARRAY(SELECT p_buyers[t.request] FROM unnest(v_requests) AS t (request)
              GROUP BY t.request ORDER BY t.request),
        ARRAY(SELECT count(*)::integer FROM unnest(v_requests) AS t (request)
              GROUP BY t.request ORDER BY t.request),
        v_seats) b;

    RETURN QUERY
    SELECT coalesce(m.id = ANY (v_open), false),
           CASE WHEN m.status = 'OPEN' AND r.expires_at <= now() THEN 'EXPIRED'
                ELSE r.status END::text,
           r.seat_indexes, r.expires_at,
           ceil(extract(epoch FROM r.expires_at - now()))::integer,
           CASE WHEN q.request = 1 THEN v_back.o_version END,
           CASE WHEN q.request = 1 THEN v_back.o_committed_at END,
           CASE WHEN q.request = 1 THEN v_back.o_seats END,
           CASE WHEN q.request = 1 THEN
               array_fill(0::smallint, ARRAY[coalesce(cardinality(v_back.o_seats), 0)]) END
    FROM unnest(p_reservations, p_buyers) WITH ORDINALITY AS q (reservation, buyer, request)
    LEFT JOIN unnest(v_mine) m ON m.id = q.reservation AND m.buyer_id = q.buyer
    LEFT JOIN reservations r ON r.id = m.id
    ORDER BY q.request;
END
$$;
