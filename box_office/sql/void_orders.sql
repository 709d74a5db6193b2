-- Cancel paid orders: tickets void, seats free, and the money on its way back.
--
-- Request i is that of p_buyers[i] about p_orders[i] under the idempotency key p_keys[i]. Outcomes:
-- `voided` (o_payment is what has to be refunded; none when nothing was paid), `replay`, `reused`,
-- `not_found`, or `refused` with the order's status. What changed is told in the first row.
CREATE FUNCTION void_orders(
    p_event uuid, p_orders uuid[], p_buyers uuid[], p_keys text[], p_hashes bytea[], p_reasons text[]
) RETURNS TABLE (
    o_outcome text, o_status text, o_payment uuid,
    o_version bigint, o_committed_at timestamptz, o_changed integer[], o_states smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_sells boolean;
    v_mine reservations[];
    v_orders orders[];
    v_keys idempotency_keys[];
    v_outcomes text[];
    v_voided integer[];
    v_back record;
BEGIN
    SELECT now() < e.starts_at OR e.state = 'CANCELLED' INTO STRICT v_sells
    FROM events e WHERE e.id = p_event;
    SELECT coalesce(array_agg(l.r), '{}') INTO v_mine FROM (
        SELECT r FROM reservations r
        WHERE r.event_id = p_event AND r.id IN (
            SELECT o.reservation_id FROM orders o WHERE o.id = ANY (p_orders))
        ORDER BY r.id FOR UPDATE
    ) l;
    SELECT coalesce(array_agg(o), '{}') INTO v_orders
    FROM orders o WHERE o.id = ANY (p_orders) AND o.event_id = p_event;
    SELECT coalesce(array_agg(k), '{}') INTO v_keys
    FROM idempotency_keys k
    JOIN unnest(p_buyers, p_keys) AS q (buyer, key) ON k.buyer_id = q.buyer AND k.key = q.key;

    SELECT array_agg(CASE
               WHEN k.key IS NOT NULL AND (k.request_hash, k.kind::text)
                    IS DISTINCT FROM (p_hashes[q.request], 'CANCEL_ORDER') THEN 'reused'
               WHEN o.id IS NULL THEN 'not_found'
               WHEN k.key IS NOT NULL THEN 'replay'
               WHEN o.status <> 'PAID' OR NOT v_sells THEN 'refused'
               ELSE 'voided' END ORDER BY q.request)
    INTO v_outcomes
    FROM unnest(p_orders, p_buyers, p_keys) WITH ORDINALITY AS q (id, buyer, key, request)
    LEFT JOIN unnest(v_orders) o ON o.id = q.id AND o.buyer_id = q.buyer
    LEFT JOIN unnest(v_keys) k ON k.buyer_id = q.buyer AND k.key = q.key;
    SELECT coalesce(array_agg(o.n), '{}') INTO v_voided
    FROM unnest(v_outcomes) WITH ORDINALITY AS o (outcome, n) WHERE o.outcome = 'voided';

    UPDATE orders o SET status = 'CANCELLED', cancel_reason = p_reasons[v]
    FROM unnest(v_voided) v WHERE o.id = p_orders[v];
    UPDATE tickets t SET status = 'VOID'
    FROM unnest(v_voided) v WHERE t.order_id = p_orders[v];
    UPDATE payments p SET state = 'REFUNDING', updated_at = now()
    FROM unnest(v_voided) v JOIN unnest(v_orders) o ON o.id = p_orders[v]
    WHERE p.reservation_id = o.reservation_id AND p.state = 'CAPTURED';
    INSERT INTO idempotency_keys (buyer_id, key, kind, request_hash, reservation_id, payment_id)
    SELECT p_buyers[v], p_keys[v], 'CANCEL_ORDER', p_hashes[v], o.reservation_id,
           (SELECT p.id FROM payments p
            WHERE p.reservation_id = m.id AND p.attempt = m.payment_attempts)
    FROM unnest(v_voided) v JOIN unnest(v_orders) o ON o.id = p_orders[v]
    JOIN unnest(v_mine) m ON m.id = o.reservation_id
    ORDER BY p_buyers[v], p_keys[v];
    SELECT b.* INTO v_back FROM give_back_seats(
        p_event,
        ARRAY(SELECT o.reservation_id FROM unnest(v_orders) o WHERE o.id = ANY (p_orders)
              AND o.id IN (SELECT p_orders[v] FROM unnest(v_voided) v)),
        ARRAY(SELECT p_buyers[v] FROM unnest(v_voided) v ORDER BY v),
        ARRAY(SELECT cardinality(m.seat_indexes) FROM unnest(v_voided) v
              JOIN unnest(v_orders) o ON o.id = p_orders[v]
              JOIN unnest(v_mine) m ON m.id = o.reservation_id ORDER BY v),
        ARRAY(SELECT seat FROM unnest(v_voided) v
              JOIN unnest(v_orders) o ON o.id = p_orders[v]
              JOIN unnest(v_mine) m ON m.id = o.reservation_id
              CROSS JOIN unnest(m.seat_indexes) seat)) b;

    RETURN QUERY
    SELECT v_outcomes[q.request], o.status::text, p.id,
           CASE WHEN q.request = 1 THEN v_back.o_version END,
           CASE WHEN q.request = 1 THEN v_back.o_committed_at END,
           CASE WHEN q.request = 1 THEN v_back.o_seats END,
           CASE WHEN q.request = 1 THEN
               array_fill(0::smallint, ARRAY[coalesce(cardinality(v_back.o_seats), 0)]) END
    FROM unnest(p_orders, p_buyers) WITH ORDINALITY AS q (id, buyer, request)
    LEFT JOIN unnest(v_orders) o ON o.id = q.id AND o.buyer_id = q.buyer
    LEFT JOIN unnest(v_mine) m ON m.id = o.reservation_id
    LEFT JOIN payments p ON p.reservation_id = m.id AND p.attempt = m.payment_attempts
        AND p.state = 'REFUNDING'
    ORDER BY q.request;
END
$$;
