-- Begin the payment of reservations: from here on nothing else touches them.
--
-- Request i is that of p_buyers[i] about p_reservations[i] under the idempotency key p_keys[i], whose
-- question hashes to p_hashes[i]. A key that was used before is answered by what it led to: `replay`
-- (the same question; o_payment, if any, tells how far it came, whatever the seats cost by now) or
-- `reused` (another question).
-- Otherwise: begun, with the amount that is due, or the status that forbids it; no status: no such
-- reservation. When something is due a payment with the id p_payments[i] is STARTED.
--
-- Every seat's hold is moved to the payment's deadline in the same transaction, and their number must
-- be the reservation's: whoever begins owns them all. No seat looks different, so no new version.
CREATE FUNCTION begin_purchases(
    p_event uuid, p_reservations uuid[], p_buyers uuid[], p_keys text[], p_hashes bytea[],
    p_payments uuid[], p_emails text[], p_provider text, p_deadline interval
) RETURNS TABLE (
    o_outcome text, o_status text, o_event_status text, o_opens_at timestamptz,
    o_expires_at timestamptz, o_seats integer[], o_amount bigint, o_currency text, o_payment uuid
) LANGUAGE plpgsql AS $$
DECLARE
    v_event events;
    v_event_status text;
    v_mine reservations[];
    v_keys idempotency_keys[];
    v_outcomes text[];
    v_begun integer[];
    v_owned jsonb;
BEGIN
    SELECT e.* INTO STRICT v_event FROM events e WHERE e.id = p_event;
    v_event_status := event_status(v_event);
    SELECT coalesce(array_agg(l.r), '{}') INTO v_mine FROM (
        SELECT r FROM reservations r
        WHERE r.event_id = p_event AND r.id = ANY (p_reservations)
        ORDER BY r.id FOR UPDATE
    ) l;
    -- Read after the reservation is locked: whoever used the key for it has committed.
    SELECT coalesce(array_agg(k), '{}') INTO v_keys
    FROM idempotency_keys k
    JOIN unnest(p_buyers, p_keys) AS q (buyer, key) ON k.buyer_id = q.buyer AND k.key = q.key;

    -- How many of its seats each reservation still owns, locked by index.
    SELECT coalesce(jsonb_object_agg(o.reservation_id, o.count), '{}') INTO v_owned FROM (
        SELECT l.reservation_id, count(*) AS count FROM (
            SELECT s.reservation_id FROM event_seats s
            WHERE s.event_id = p_event AND s.state = 1
              AND s.seat_index = ANY (ARRAY(
                  SELECT seat FROM unnest(v_mine) m, unnest(m.seat_indexes) seat
                  WHERE m.status = 'OPEN' AND m.expires_at > now()))
              AND s.reservation_id = ANY (p_reservations)
            ORDER BY s.seat_index FOR UPDATE
        ) l GROUP BY l.reservation_id
    ) o;

    SELECT array_agg(CASE
               WHEN k.key IS NOT NULL AND (k.request_hash, k.kind::text)
                    IS DISTINCT FROM (p_hashes[q.request], 'PURCHASE') THEN 'reused'
               WHEN m.id IS NULL THEN 'not_found'
               WHEN k.key IS NOT NULL THEN 'replay'
               WHEN m.status = 'EXPIRED' OR (m.status = 'OPEN' AND (m.expires_at <= now()
                    OR (v_owned ->> m.id::text)::integer
                       IS DISTINCT FROM cardinality(m.seat_indexes))) THEN 'expired'
               WHEN m.status <> 'OPEN' THEN 'not_open'
               WHEN v_event_status NOT IN ('ON_SALE', 'CLOSED') THEN 'not_on_sale'
               ELSE 'begun' END ORDER BY q.request)
    INTO v_outcomes
    FROM unnest(p_reservations, p_buyers, p_keys) WITH ORDINALITY
        AS q (reservation, buyer, key, request)
    LEFT JOIN unnest(v_mine) m ON m.id = q.reservation AND m.buyer_id = q.buyer
    LEFT JOIN unnest(v_keys) k ON k.buyer_id = q.buyer AND k.key = q.key;
    SELECT coalesce(array_agg(o.n), '{}') INTO v_begun
    FROM unnest(v_outcomes) WITH ORDINALITY AS o (outcome, n) WHERE o.outcome = 'begun';

    UPDATE reservations r
    SET status = 'PAYING', payment_attempts = r.payment_attempts + 1,
        expires_at = now() + p_deadline, email = p_emails[b]
    FROM unnest(v_begun) b WHERE r.id = p_reservations[b];
    UPDATE event_seats s SET held_until = now() + p_deadline
    FROM unnest(v_begun) b
    JOIN unnest(v_mine) m ON m.id = p_reservations[b]
    CROSS JOIN unnest(m.seat_indexes) seat
    WHERE s.event_id = p_event AND s.seat_index = seat AND s.reservation_id = m.id;
    INSERT INTO payments (id, reservation_id, attempt, state, provider, amount_minor, currency_code)
    SELECT p_payments[b], m.id, m.payment_attempts + 1, 'STARTED', p_provider,
           seats_price(p_event, m.seat_indexes), v_event.currency_code
    FROM unnest(v_begun) b JOIN unnest(v_mine) m ON m.id = p_reservations[b]
    WHERE seats_price(p_event, m.seat_indexes) > 0;
    INSERT INTO idempotency_keys (buyer_id, key, kind, request_hash, reservation_id, payment_id)
    SELECT p_buyers[b], p_keys[b], 'PURCHASE', p_hashes[b], p_reservations[b],
           (SELECT p.id FROM payments p WHERE p.id = p_payments[b])
    FROM unnest(v_begun) b ORDER BY p_buyers[b], p_keys[b];

    RETURN QUERY
    SELECT v_outcomes[q.request], m.status::text, v_event_status, v_event.sales_open_at,
           m.expires_at, m.seat_indexes,
           seats_price(p_event, m.seat_indexes), v_event.currency_code::text,
           CASE WHEN k.key IS NOT NULL THEN k.payment_id
                WHEN seats_price(p_event, m.seat_indexes) > 0 THEN p_payments[q.request] END
    FROM unnest(p_reservations, p_buyers, p_keys) WITH ORDINALITY
        AS q (reservation, buyer, key, request)
    LEFT JOIN unnest(v_mine) m ON m.id = q.reservation AND m.buyer_id = q.buyer
    LEFT JOIN unnest(v_keys) k ON k.buyer_id = q.buyer AND k.key = q.key
    ORDER BY q.request;
END
$$;
