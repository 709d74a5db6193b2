-- A payment was declined: the reservation is OPEN again, with time for another try.
--
-- Item i: p_reservations[i], whose payment p_payments[i] was refused with p_codes[i], in the words
-- p_messages[i], and may or may not be tried again (p_retryable[i]). It is held as
-- long as it would have been, at least p_retry from now, and never past its hard end. No seat looks
-- different, so no new version. Gives one row an item: whether it was this
-- payment's turn, and whether the seats are still held.
CREATE FUNCTION reopen_reservations(
    p_event uuid, p_reservations uuid[], p_payments uuid[], p_codes text[],
    p_messages text[], p_retryable boolean[],
    p_retry interval, p_grace interval
) RETURNS TABLE (o_reopened boolean, o_held boolean) LANGUAGE plpgsql AS $$
DECLARE
    v_items integer[];
BEGIN
    PERFORM 1 FROM reservations r
    WHERE r.event_id = p_event AND r.id = ANY (p_reservations)
    ORDER BY r.id FOR UPDATE;
    WITH declined AS (
        UPDATE payments p
        SET state = 'DECLINED', decline_code = p_codes[i.item],
            decline_message = p_messages[i.item], decline_retryable = p_retryable[i.item],
            updated_at = now()
        FROM unnest(p_reservations, p_payments) WITH ORDINALITY AS i (reservation, payment, item)
        JOIN reservations r ON r.id = i.reservation AND r.status = 'PAYING'
        WHERE p.id = i.payment AND p.reservation_id = r.id AND p.attempt = r.payment_attempts
          AND p.state IN ('STARTED', 'ACTION_REQUIRED')
        RETURNING i.item::integer
    )
    SELECT coalesce(array_agg(d.item), '{}') INTO v_items FROM declined d;

    PERFORM 1 FROM event_seats s
    WHERE s.event_id = p_event AND s.state = 1
      AND s.reservation_id IN (SELECT p_reservations[item] FROM unnest(v_items) item)
      AND s.seat_index IN (
          SELECT seat FROM unnest(v_items) item
          JOIN reservations r ON r.id = p_reservations[item]
          CROSS JOIN unnest(r.seat_indexes) seat)
    ORDER BY s.seat_index FOR UPDATE;
    UPDATE reservations r
    SET status = 'OPEN',
        expires_at = least(r.hold_ends_at, greatest(r.hold_ends_at - p_grace, now() + p_retry))
    FROM unnest(v_items) item WHERE r.id = p_reservations[item];
    UPDATE event_seats s SET held_until = r.expires_at
    FROM unnest(v_items) item
    JOIN reservations r ON r.id = p_reservations[item]
    CROSS JOIN unnest(r.seat_indexes) seat
    WHERE s.event_id = p_event AND s.seat_index = seat
      AND s.state = 1 AND s.reservation_id = r.id;

    RETURN QUERY
    SELECT item.n = ANY (v_items), coalesce(r.status = 'OPEN' AND r.expires_at > now(), false)
    FROM unnest(p_reservations) WITH ORDINALITY AS item (reservation, n)
    LEFT JOIN reservations r ON r.id = item.reservation
    ORDER BY item.n;
END
$$;
