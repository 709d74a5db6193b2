-- Sell the seats of reservations that are being paid: the point of no return, before money is taken.
--
-- Item i sells p_reservations[i] by its payment p_payments[i], authorised under p_references[i]
-- (no payment: nothing was due), as the order p_orders[i] with the code p_codes[i]. Tickets come as
-- (p_ticket_items, p_ticket_ids, p_ticket_codes), one for each seat in the reservation's order.
--
-- Asks for ownership, never for time: sold is what still carries the reservation's id, all of it or
-- nothing. Gives one row an item: sold, or not because the reservation was not PAYING by this
-- payment, or no longer owned every seat. What changed is told in the first row.
CREATE FUNCTION sell_seats(
    p_event uuid, p_reservations uuid[], p_payments uuid[], p_references text[],
    p_orders uuid[], p_codes text[],
    p_ticket_items integer[], p_ticket_ids uuid[], p_ticket_codes text[]
) RETURNS TABLE (
    o_sold boolean,
    o_version bigint, o_committed_at timestamptz, o_changed integer[], o_states smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_currency text;
    v_mine reservations[];
    v_locked event_seats[];
    v_sold integer[];
    v_seats integer[];
    v_version bigint;
    v_committed_at timestamptz;
BEGIN
    SELECT e.currency_code INTO STRICT v_currency FROM events e WHERE e.id = p_event;
    -- The status is asked last: a planner that has not counted the table yet would rather read all
    -- that are PAYING than find these by their ids.
    SELECT coalesce(array_agg(l.r), '{}') INTO v_mine FROM (
        SELECT r FROM reservations r
        WHERE r.event_id = p_event AND r.id = ANY (p_reservations)
        ORDER BY r.id FOR UPDATE
    ) l WHERE (l.r).status = 'PAYING';
    SELECT coalesce(array_agg(l.s), '{}') INTO v_locked FROM (
        SELECT s FROM event_seats s
        WHERE s.event_id = p_event AND s.state = 1
          AND s.seat_index = ANY (ARRAY(
              SELECT seat FROM unnest(v_mine) m, unnest(m.seat_indexes) seat))
        ORDER BY s.seat_index FOR UPDATE
    ) l;

    -- The payment's own step is a compare-and-set on (state, attempt), like every one of it.
    WITH owned AS (
        SELECT i.item, m.id, m.payment_attempts
        FROM unnest(p_reservations) WITH ORDINALITY AS i (reservation, item)
        JOIN unnest(v_mine) m ON m.id = i.reservation
        WHERE cardinality(m.seat_indexes) = (
            SELECT count(*) FROM unnest(v_locked) s
            WHERE s.reservation_id = m.id AND s.seat_index = ANY (m.seat_indexes))
    ), authorised AS (
        UPDATE payments p
        SET state = 'AUTHORISED', provider_reference = p_references[o.item], updated_at = now()
        FROM owned o
        WHERE p.id = p_payments[o.item] AND p.reservation_id = o.id
          AND p.attempt = o.payment_attempts AND p.state IN ('STARTED', 'ACTION_REQUIRED')
        RETURNING o.item
    )
    SELECT coalesce(array_agg(t.item), '{}') INTO v_sold FROM (
        SELECT a.item FROM authorised a
        UNION ALL
        SELECT o.item FROM owned o WHERE p_payments[o.item] IS NULL
    ) t;

    IF cardinality(v_sold) > 0 THEN
        SELECT array_agg(seat ORDER BY seat) INTO v_seats
        FROM unnest(v_sold) item
        JOIN unnest(v_mine) m ON m.id = p_reservations[item]
        CROSS JOIN unnest(m.seat_indexes) seat;
        UPDATE event_seats s SET state = 2, held_until = NULL
        WHERE s.event_id = p_event AND s.seat_index = ANY (v_seats);
        UPDATE reservations r SET status = 'PURCHASED'
        FROM unnest(v_sold) item WHERE r.id = p_reservations[item];
        INSERT INTO orders (id, code, event_id, reservation_id, buyer_id, status, email,
                            total_minor, currency_code)
        SELECT p_orders[item], p_codes[item], p_event, m.id, m.buyer_id,
               CASE WHEN p_payments[item] IS NULL THEN 'PAID' ELSE 'COMMITTED' END,
               m.email, seats_price(p_event, m.seat_indexes), v_currency
        FROM unnest(v_sold) item JOIN unnest(v_mine) m ON m.id = p_reservations[item];
        INSERT INTO tickets (id, code, order_id, event_id, seat_index, price_minor, status)
        SELECT t.id, t.code, p_orders[t.item], p_event, seat.index, p.price_minor, 'VALID'
        FROM (
            SELECT u.item, u.id, u.code, row_number() OVER (PARTITION BY u.item ORDER BY u.n) AS n
            FROM unnest(p_ticket_items, p_ticket_ids, p_ticket_codes) WITH ORDINALITY
                AS u (item, id, code, n)
        ) t
        JOIN unnest(v_sold) sold ON sold = t.item
        JOIN unnest(v_mine) m ON m.id = p_reservations[t.item]
        CROSS JOIN LATERAL (SELECT m.seat_indexes[t.n] AS index) seat
        JOIN unnest(v_locked) s ON s.seat_index = seat.index
        JOIN price_levels p ON p.event_id = p_event AND p.position = s.price_level;
        SELECT r.o_version, r.o_committed_at INTO v_version, v_committed_at
        FROM record_seat_changes(
            p_event, v_seats, array_fill(1::smallint, ARRAY[cardinality(v_seats)]),
            array_fill(2::smallint, ARRAY[cardinality(v_seats)])) r;
    END IF;

    RETURN QUERY
    SELECT i.item = ANY (v_sold),
           CASE WHEN i.item = 1 THEN v_version END,
           CASE WHEN i.item = 1 THEN v_committed_at END,
           CASE WHEN i.item = 1 THEN v_seats END,
           CASE WHEN i.item = 1 AND v_seats IS NOT NULL
                THEN array_fill(2::smallint, ARRAY[cardinality(v_seats)]) END
    FROM unnest(p_reservations) WITH ORDINALITY AS i (reservation, item)
    ORDER BY i.item;
END
$$;
