-- Where an event stands: what the organiser decided, and what the database's clock makes of it.
CREATE FUNCTION event_status(e events) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN e.state IN ('DRAFT', 'CANCELLED') THEN e.state
        WHEN now() >= e.ends_at THEN 'ENDED'
        WHEN now() >= coalesce(e.sales_close_at, e.starts_at) THEN 'CLOSED'
        WHEN e.state = 'PAUSED' THEN 'PAUSED'
        WHEN now() < e.sales_open_at THEN 'SCHEDULED'
        ELSE 'ON_SALE'
    END
$$;
