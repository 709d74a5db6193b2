-- Late money: the payment p_payment had come to nothing here, and the provider has its money after
-- all. Put everything back as it was when it began, all of its seats or none: the reservation PAYING,
-- the payment STARTED, the seats held until p_deadline from now. What follows is an ordinary sale.
--
-- Refused (o_resumed is false, nothing changes) when it is not the reservation's latest payment, when
-- the reservation was cancelled, purchased or is being paid, or would cost something else by now, when
-- a seat is not to be had, or the buyer has no room for them, or the event sells nothing any more.
-- Locks: reservations by id, the payment, allowances by buyer, seats by index, then the ledger. The
-- payment is locked before anything is waited for: meanwhile nobody decides that its money goes back.
CREATE FUNCTION resume_payment(
    p_event uuid, p_payment uuid, p_deadline interval,
    OUT o_resumed boolean, OUT o_version bigint, OUT o_committed_at timestamptz,
    OUT o_changed integer[], OUT o_states smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_mine reservations;
    v_locked event_seats[];
    v_before smallint[];
BEGIN
    o_resumed := false;
    SELECT r.* INTO v_mine FROM reservations r
    WHERE r.event_id = p_event
      AND r.id = (SELECT p.reservation_id FROM payments p WHERE p.id = p_payment)
      AND r.status IN ('OPEN', 'EXPIRED')
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM 1 FROM payments p
    WHERE p.id = p_payment AND p.state IN ('DECLINED', 'VOIDED')
      AND p.attempt = v_mine.payment_attempts
      AND p.amount_minor = seats_price(p_event, v_mine.seat_indexes)
    FOR UPDATE;
    IF NOT FOUND OR EXISTS (
        SELECT 1 FROM reservations other WHERE other.event_id = p_event
          AND other.buyer_id = v_mine.buyer_id AND other.id <> v_mine.id
          AND other.status IN ('OPEN', 'PAYING')
    ) OR NOT EXISTS (
        SELECT 1 FROM events e
        WHERE e.id = p_event AND event_status(e) IN ('ON_SALE', 'PAUSED', 'CLOSED')
    ) THEN
        RETURN;
    END IF;
    PERFORM 1 FROM allowances a
    WHERE a.event_id = p_event AND a.buyer_id = v_mine.buyer_id
      AND (v_mine.status = 'OPEN' OR a.seats + cardinality(v_mine.seat_indexes) <= a.seats_max)
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT array_agg(l.s) INTO v_locked FROM (
        SELECT s FROM event_seats s
        WHERE s.event_id = p_event AND s.seat_index = ANY (v_mine.seat_indexes)
        ORDER BY s.seat_index FOR UPDATE
    ) l;
    IF EXISTS (
        SELECT 1 FROM unnest(v_locked) s
        WHERE NOT (s.state = 0 OR (s.state = 1
                   AND (s.reservation_id = v_mine.id OR s.held_until <= now())))
    ) THEN
        RETURN;
    END IF;

    o_resumed := true;
    IF v_mine.status = 'EXPIRED' THEN
        UPDATE allowances a SET seats = a.seats + cardinality(v_mine.seat_indexes)
        WHERE a.event_id = p_event AND a.buyer_id = v_mine.buyer_id;
    END IF;
    UPDATE event_seats s
    SET state = 1, reservation_id = v_mine.id, held_until = now() + p_deadline
    WHERE s.event_id = p_event AND s.seat_index = ANY (v_mine.seat_indexes);
    UPDATE reservations r SET status = 'PAYING', expires_at = now() + p_deadline
    WHERE r.id = v_mine.id;
    UPDATE payments p
    SET state = 'STARTED', decline_code = NULL, decline_message = NULL, decline_retryable = NULL,
        updated_at = now()
    WHERE p.id = p_payment;

    -- Only what looks different is told: a seat that was held still is.
    SELECT array_agg(s.seat_index ORDER BY s.seat_index), array_agg(s.state ORDER BY s.seat_index)
    INTO o_changed, v_before
    FROM unnest(v_locked) s WHERE s.state <> 1;
    IF o_changed IS NOT NULL THEN
        o_states := array_fill(1::smallint, ARRAY[cardinality(o_changed)]);
        SELECT r.o_version, r.o_committed_at INTO o_version, o_committed_at
        FROM record_seat_changes(p_event, o_changed, v_before, o_states) r;
    END IF;
END
$$;
