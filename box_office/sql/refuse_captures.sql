-- The provider will not take the money it had set aside: tickets void, seats free, order CANCELLED.
--
-- Item i is the payment p_payments[i] of p_reservations[i], refused with p_codes[i] in the words
-- p_messages[i]. Gives one row an item: whether it was still AUTHORISED. What changed is told in the
-- first row. Locks: reservations by id, then as give_back_seats does.
CREATE FUNCTION refuse_captures(
    p_event uuid, p_reservations uuid[], p_payments uuid[],
    p_codes text[], p_messages text[], p_retryable boolean[]
) RETURNS TABLE (
    o_refused boolean,
    o_version bigint, o_committed_at timestamptz, o_changed integer[], o_states smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_mine reservations[];
    v_items integer[];
    v_back record;
BEGIN
    SELECT coalesce(array_agg(l.r), '{}') INTO v_mine FROM (
        SELECT r FROM reservations r
        WHERE r.event_id = p_event AND r.id = ANY (p_reservations) AND r.status = 'PURCHASED'
        ORDER BY r.id FOR UPDATE
    ) l;
    WITH refused AS (
        UPDATE payments p
        SET state = 'DECLINED', decline_code = p_codes[i.item], updated_at = now(),
            decline_message = p_messages[i.item], decline_retryable = p_retryable[i.item]
        FROM unnest(p_reservations, p_payments) WITH ORDINALITY AS i (reservation, payment, item)
        JOIN unnest(v_mine) m ON m.id = i.reservation
        WHERE p.id = i.payment AND p.reservation_id = m.id AND p.state = 'AUTHORISED'
        RETURNING i.item::integer
    )
    SELECT coalesce(array_agg(f.item), '{}') INTO v_items FROM refused f;

    UPDATE orders o SET status = 'CANCELLED', cancel_reason = p_messages[item]
    FROM unnest(v_items) item
    WHERE o.reservation_id = p_reservations[item] AND o.status = 'COMMITTED';
    UPDATE tickets t SET status = 'VOID'
    FROM unnest(v_items) item JOIN orders o ON o.reservation_id = p_reservations[item]
    WHERE t.order_id = o.id;
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
