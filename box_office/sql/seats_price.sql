-- What these seats of an event cost together, in the currency's smallest unit.
CREATE FUNCTION seats_price(p_event uuid, p_seats integer[]) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(p.price_minor), 0)::bigint
    FROM event_seats s
    JOIN price_levels p ON p.event_id = s.event_id AND p.position = s.price_level
    WHERE s.event_id = p_event AND s.seat_index = ANY (p_seats)
$$;
