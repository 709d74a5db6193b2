-- Free seats of reservations whose rows the caller has locked, and move their buyers' allowances.
--
-- p_counts[i] seats leave the allowance of p_buyers[i]. Of p_seats only those are freed that still
-- carry one of p_reservations: a seat that somebody else has taken over since is theirs.
-- Locks: allowances by buyer, then seats by index, then the ledger.
CREATE FUNCTION give_back_seats(
    p_event uuid, p_reservations uuid[], p_buyers uuid[], p_counts integer[], p_seats integer[],
    OUT o_version bigint, OUT o_committed_at timestamptz, OUT o_seats integer[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_before smallint[];
BEGIN
    PERFORM 1 FROM allowances a
    WHERE a.event_id = p_event AND a.buyer_id = ANY (p_buyers)
    ORDER BY a.buyer_id FOR UPDATE;

    UPDATE allowances a SET seats = a.seats - g.count
    FROM (
        SELECT buyer, sum(count)::integer AS count
        FROM unnest(p_buyers, p_counts) AS t (buyer, count) GROUP BY buyer
    ) g
    WHERE a.event_id = p_event AND a.buyer_id = g.buyer;

    SELECT array_agg(s.seat_index), array_agg(s.state) INTO o_seats, v_before
    FROM (
        SELECT e.seat_index, e.state FROM event_seats e
        WHERE e.event_id = p_event AND e.seat_index = ANY (p_seats)
          AND e.reservation_id = ANY (p_reservations)
        ORDER BY e.seat_index FOR UPDATE
    ) s;
    IF o_seats IS NULL THEN
        RETURN;
    END IF;

    UPDATE event_seats e SET state = 0, reservation_id = NULL, held_until = NULL
    WHERE e.event_id = p_event AND e.seat_index = ANY (o_seats);

    SELECT r.o_version, r.o_committed_at INTO o_version, o_committed_at
    FROM record_seat_changes(
        p_event, o_seats, v_before, array_fill(0::smallint, ARRAY[cardinality(o_seats)])
    ) r;
END
$$;
