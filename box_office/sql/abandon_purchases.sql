-- A payment was authorised, but the seats could not be sold: somebody else has one of them. The
-- money is already let go; the payment is VOIDED, the reservation ends, and what it still has of its
-- seats is free. Item i: p_reservations[i] and its payment p_payments[i] (none: nothing was due).
--
-- Gives one row an item: whether it was this payment's turn. What changed is told in the first row.
-- Locks: reservations by id, then as give_back_seats does.
CREATE FUNCTION abandon_purchases(
    p_event uuid, p_reservations uuid[], p_payments uuid[], p_references text[]
) RETURNS TABLE (
    o_abandoned boolean,
    o_version bigint, o_committed_at timestamptz, o_changed integer[], o_states smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_mine reservations[];
    v_items integer[];
    v_back record;
BEGIN
    SELECT coalesce(array_agg(l.r), '{}') INTO v_mine FROM (
        SELECT r FROM reservations r
        WHERE r.event_id = p_event AND r.id = ANY (p_reservations) AND r.status = 'PAYING'
        ORDER BY r.id FOR UPDATE
    ) l;
    WITH voided AS (
        UPDATE payments p
        SET state = 'VOIDED', provider_reference = p_references[i.item], updated_at = now()
        FROM unnest(p_reservations, p_payments) WITH ORDINALITY AS i (reservation, payment, item)
        JOIN unnest(v_mine) m ON m.id = i.reservation
        WHERE p.id = i.payment AND p.reservation_id = m.id AND p.attempt = m.payment_attempts
          AND p.state IN ('STARTED', 'ACTION_REQUIRED')
        RETURNING i.item::integer
    )
    SELECT coalesce(array_agg(t.item), '{}') INTO v_items FROM (
        SELECT v.item FROM voided v
        UNION ALL
        SELECT i.item::integer
        FROM unnest(p_reservations, p_payments) WITH ORDINALITY AS i (reservation, payment, item)
        JOIN unnest(v_mine) m ON m.id = i.reservation
        WHERE i.payment IS NULL
    ) t;

    UPDATE reservations r SET status = 'EXPIRED', expires_at = now()
    FROM unnest(v_items) item WHERE r.id = p_reservations[item];
    SELECT b.* INTO v_back FROM give_back_seats(
        p_event,
        ARRAY(SELECT p_reservations[item] FROM unnest(v_items) item),
        ARRAY(SELECT m.buyer_id FROM unnest(v_items) item
              JOIN unnest(v_mine) m ON m.id = p_reservations[item] ORDER BY item),
        ARRAY(SELECT cardinality(m.seat_indexes) FROM unnest(v_items) item
              JOIN unnest(v_mine) m ON m.id = p_reservations[item] ORDER BY item),
        ARRAY(SELECT seat FROM unnest(v_items) item
              JOIN unnest(v_mine) m ON m.id = p_reservations[item]
              CROSS JOIN unnest(m.seat_indexes) seat)) b;

    RETURN QUERY
    SELECT item.n = ANY (v_items),
           CASE WHEN item.n = 1 THEN v_back.o_version END,
           CASE WHEN item.n = 1 THEN v_back.o_committed_at END,
           CASE WHEN item.n = 1 THEN v_back.o_seats END,
           CASE WHEN item.n = 1 THEN
               array_fill(0::smallint, ARRAY[coalesce(cardinality(v_back.o_seats), 0)]) END
    FROM unnest(p_reservations) WITH ORDINALITY AS item (reservation, n) ORDER BY item.n;
END
$$;
