-- A payment came to nothing: the reservation is OPEN again, with time for another try.
--
-- Item i: p_reservations[i], whose payment p_payments[i] (none: nothing was due) ends as p_states[i]:
-- DECLINED, or VOIDED once it was VOIDING. What is VOIDING cannot end as DECLINED: late money may
-- follow what was voided, so it is looked at again, and what was declined is not. The buyer is told
-- p_messages[i] (p_codes[i], p_retryable[i]). The reservation is held as long as it would have been,
-- at least p_retry from now, and never past its hard end. One that lost a seat while it was being
-- paid has ended instead, and what it still had is free.
--
-- Gives one row an item: whether it was this payment's turn. What changed is told in the first row.
-- Locks: reservations by id, their seats by index; and of those that end, as give_back_seats does.
CREATE FUNCTION fail_payments(
    p_event uuid, p_reservations uuid[], p_payments uuid[], p_states text[],
    p_codes text[], p_messages text[], p_retryable boolean[], p_retry interval, p_grace interval
) RETURNS TABLE (
    o_failed boolean,
    o_version bigint, o_committed_at timestamptz, o_changed integer[], o_states smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_mine reservations[];
    v_items integer[];
    v_held integer[];
    v_lost reservations[];
    v_back record;
BEGIN
    SELECT coalesce(array_agg(l.r), '{}') INTO v_mine FROM (
        SELECT r FROM reservations r
        WHERE r.event_id = p_event AND r.id = ANY (p_reservations)
        ORDER BY r.id FOR UPDATE
    ) l;
    WITH item AS (
        SELECT i.n::integer AS n, i.payment, r.id AS reservation, r.payment_attempts AS attempt
        FROM unnest(p_reservations, p_payments) WITH ORDINALITY AS i (reservation, payment, n)
        JOIN unnest(v_mine) r ON r.id = i.reservation AND r.status = 'PAYING'
    ), failed AS (
        UPDATE payments p
        SET state = p_states[item.n], updated_at = now(), decline_code = p_codes[item.n],
            decline_message = p_messages[item.n], decline_retryable = p_retryable[item.n]
        FROM item
        WHERE p.id = item.payment AND p.reservation_id = item.reservation
          AND p.attempt = item.attempt
          AND ((p_states[item.n] = 'VOIDED' AND p.state = 'VOIDING')
               OR (p_states[item.n] = 'DECLINED' AND p.state IN ('STARTED', 'ACTION_REQUIRED')))
        RETURNING item.n
    )
    SELECT coalesce(array_agg(t.n), '{}') INTO v_items FROM (
        SELECT f.n FROM failed f
        UNION ALL
        SELECT item.n FROM item WHERE item.payment IS NULL AND NOT EXISTS (
            SELECT 1 FROM payments p
            WHERE p.reservation_id = item.reservation AND p.attempt = item.attempt)
    ) t;

    -- Whose seats are all still there, locked by index. The rest was lost while it was being paid.
    SELECT coalesce(array_agg(o.item), '{}') INTO v_held FROM (
        SELECT l.item FROM (
            SELECT i.item, s.seat_index FROM unnest(v_items) AS i (item)
            JOIN reservations r ON r.id = p_reservations[i.item]
            JOIN event_seats s ON s.event_id = p_event AND s.state = 1
                AND s.reservation_id = r.id AND s.seat_index = ANY (r.seat_indexes)
            ORDER BY s.seat_index FOR UPDATE OF s
        ) l GROUP BY l.item
        HAVING count(*) = (SELECT cardinality(r.seat_indexes) FROM reservations r
                           WHERE r.id = p_reservations[l.item])
    ) o;
    UPDATE reservations r
    SET status = 'OPEN',
        expires_at = least(r.hold_ends_at, greatest(r.hold_ends_at - p_grace, now() + p_retry))
    FROM unnest(v_held) item WHERE r.id = p_reservations[item];
    UPDATE event_seats s SET held_until = r.expires_at
    FROM unnest(v_held) item
    JOIN reservations r ON r.id = p_reservations[item]
    CROSS JOIN unnest(r.seat_indexes) seat
    WHERE s.event_id = p_event AND s.seat_index = seat
      AND s.state = 1 AND s.reservation_id = r.id;

    UPDATE reservations r SET status = 'EXPIRED', expires_at = now()
    FROM unnest(v_items) item WHERE r.id = p_reservations[item] AND item <> ALL (v_held);
    SELECT coalesce(array_agg(r), '{}') INTO v_lost
    FROM unnest(v_items) item JOIN reservations r ON r.id = p_reservations[item]
    WHERE item <> ALL (v_held);
    SELECT b.* INTO v_back FROM give_back_seats(
        p_event,
        ARRAY(SELECT m.id FROM unnest(v_lost) m),
        ARRAY(SELECT m.buyer_id FROM unnest(v_lost) m),
        ARRAY(SELECT cardinality(m.seat_indexes) FROM unnest(v_lost) m),
        ARRAY(SELECT seat FROM unnest(v_lost) m, unnest(m.seat_indexes) seat)) b;

    RETURN QUERY
    SELECT item.n = ANY (v_items),
           CASE WHEN item.n = 1 THEN v_back.o_version END,
           CASE WHEN item.n = 1 THEN v_back.o_committed_at END,
           CASE WHEN item.n = 1 THEN v_back.o_seats END,
           CASE WHEN item.n = 1 THEN
               array_fill(0::smallint, ARRAY[coalesce(cardinality(v_back.o_seats), 0)]) END
    FROM unnest(p_reservations) WITH ORDINALITY AS item (reservation, n)
    ORDER BY item.n;
END
$$;
