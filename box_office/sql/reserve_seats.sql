-- Decide a batch of requests to reserve seats of one event, each for itself, in order of arrival.
--
-- Request i is that of p_buyers[i], no buyer twice; a new reservation gets the id p_reservations[i].
-- Named seats are pairs (p_seat_requests, p_seats); of several requests that might have a seat the
-- first to arrive gets it, and the others find it gone if that one won. General admission asks for p_area_quantities seats in all between the indexes p_area_firsts and
-- p_area_lasts, those the reservation has there included, so that repeating a call changes nothing.
-- p_candidates are seats that look free. p_patient waits for locked places instead of skipping them;
-- it is for one request alone.
--
-- Gives one row a request: won, or everything that is wrong with it. Contended: neither won nor lost,
-- for an earlier request stood before it and lost, or too few places could be locked; ask again. What
-- changed is told in the first row.
--
-- Locks, in the one order of the house: reservations by id, allowances by buyer, named seats by
-- index, general admission with SKIP LOCKED, the ledger. Every step is a statement of its own: one
-- that waited for a lock sees what was committed meanwhile only in the next. (A buyer's first
-- allowance is made after the seats are locked; should that close a circle, one of it falls and is
-- tried again.)
CREATE FUNCTION reserve_seats(
    p_event uuid,
    p_buyers uuid[], p_reservations uuid[],
    p_seat_requests integer[], p_seats integer[],
    p_area_requests integer[], p_area_firsts integer[], p_area_lasts integer[],
    p_area_quantities integer[],
    p_candidates integer[], p_patient boolean,
    p_seats_max integer, p_grace interval
) RETURNS TABLE (
    o_won boolean, o_contended boolean, o_event_status text, o_opens_at timestamptz,
    o_reservation uuid, o_status text, o_seats integer[],
    o_expires_at timestamptz, o_seconds_left integer,
    o_limit integer, o_remaining integer, o_gone integer[], o_short integer[],
    o_version bigint, o_committed_at timestamptz, o_changed integer[], o_states smallint[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_event events;
    v_event_status text;
    v_mine reservations[];
    v_allowances allowances[];
    v_locked event_seats[];
    v_lapsed uuid[] := '{}';
    v_lapsed_seats integer[] := '{}';
    v_free boolean[];
    v_own boolean[];
    v_some_are_held boolean;
    v_able boolean[];
    v_firsts integer[];
    v_is_contested boolean;
    v_follows boolean[];
    v_need_requests integer[] := '{}';
    v_need_firsts integer[] := '{}';
    v_need_lasts integer[] := '{}';
    v_need_counts integer[] := '{}';
    v_won boolean[];
    v_ids uuid[];
    v_ends timestamptz[];
    v_limits integer[];
    v_remaining integer[];
    v_place_requests integer[] := '{}';
    v_places integer[] := '{}';
    v_place_states smallint[] := '{}';
    v_contended integer[] := '{}';
    v_short_requests integer[] := '{}';
    v_short_firsts integer[] := '{}';
    v_new_requests integer[];
    v_new_seats integer[];
    v_new_before smallint[];
    v_freed integer[] := '{}';
    v_freed_before smallint[] := '{}';
    v_seats integer[];
    v_after smallint[];
    v_version bigint;
    v_committed_at timestamptz;
BEGIN
    SELECT e.* INTO STRICT v_event FROM events e WHERE e.id = p_event;
    v_event_status := event_status(v_event);

    -- 1. Lock reservations by id, then allowances by buyer.
    SELECT coalesce(array_agg(l.r), '{}') INTO v_mine FROM (
        SELECT r FROM reservations r
        WHERE r.event_id = p_event AND r.buyer_id = ANY (p_buyers)
          AND r.status IN ('OPEN', 'PAYING')
        ORDER BY r.id FOR UPDATE
    ) l;
    SELECT coalesce(array_agg(l.a), '{}') INTO v_allowances FROM (
        SELECT a FROM allowances a
        WHERE a.event_id = p_event AND a.buyer_id = ANY (p_buyers)
        ORDER BY a.buyer_id FOR UPDATE
    ) l;
    -- A buyer's own lapsed reservation ends before a new one is made.
    IF cardinality(v_mine) > 0 THEN
        SELECT coalesce(array_agg(DISTINCT m.id), '{}'), coalesce(array_agg(seat), '{}')
        INTO v_lapsed, v_lapsed_seats
        FROM unnest(v_mine) m, unnest(m.seat_indexes) seat
        WHERE m.status = 'OPEN' AND m.expires_at <= now();
    END IF;

    -- 2. Lock named seats by index. Free: available, or held past its end. Own: already the buyer's.
    SELECT coalesce(array_agg(l.s), '{}') INTO v_locked FROM (
        SELECT s FROM event_seats s
        WHERE s.event_id = p_event AND s.seat_index = ANY (p_seats || v_lapsed_seats)
        ORDER BY s.seat_index FOR UPDATE
    ) l;
    SELECT coalesce(array_agg(coalesce(
                s.state = 0 OR (s.state = 1 AND s.held_until <= now()), false) ORDER BY a.n), '{}'),
           coalesce(array_agg(coalesce(
                s.state = 1 AND s.reservation_id = m.id, false) ORDER BY a.n), '{}'),
           bool_or(s.state = 1)
    INTO v_free, v_own, v_some_are_held
    FROM unnest(p_seat_requests, p_seats) WITH ORDINALITY AS a (request, seat, n)
    LEFT JOIN unnest(v_locked) s ON s.seat_index = a.seat
    LEFT JOIN unnest(v_mine) m ON m.buyer_id = p_buyers[a.request] AND m.id <> ALL (v_lapsed);

    -- A seat that is held by a reservation of this batch's buyers which was not there a moment ago:
    -- the buyer's own call, repeated, has just been committed elsewhere. Look again from the start.
    IF v_some_are_held AND EXISTS (
        SELECT 1 FROM unnest(v_locked) s JOIN reservations r ON r.id = s.reservation_id
        WHERE s.state = 1 AND r.buyer_id = ANY (p_buyers) AND r.status IN ('OPEN', 'PAYING')
          AND r.id NOT IN (SELECT m.id FROM unnest(v_mine) m)
    ) THEN
        RAISE EXCEPTION 'a reservation of this buyer was just committed' USING ERRCODE = '40001';
    END IF;

    -- 3. General admission: what each request still lacks of the totals it asks for.
    IF cardinality(p_area_requests) > 0 THEN
        SELECT coalesce(array_agg(n.request), '{}'), coalesce(array_agg(n.first), '{}'),
               coalesce(array_agg(n.last), '{}'), coalesce(array_agg(n.lacking), '{}')
        INTO v_need_requests, v_need_firsts, v_need_lasts, v_need_counts
        FROM (
            SELECT t.request, t.first, t.last, t.quantity - (
                SELECT count(*)::integer FROM (
                    SELECT unnest(m.seat_indexes)
                    UNION SELECT a.seat FROM unnest(p_seat_requests, p_seats) AS a (request, seat)
                          WHERE a.request = t.request
                ) AS has (seat) WHERE has.seat BETWEEN t.first AND t.last
            ) AS lacking
            FROM unnest(p_area_requests, p_area_firsts, p_area_lasts, p_area_quantities)
                AS t (request, first, last, quantity)
            LEFT JOIN unnest(v_mine) m
                ON m.buyer_id = p_buyers[t.request] AND m.id <> ALL (v_lapsed)
        ) n WHERE n.lacking > 0;
    END IF;

    -- 4. Judge the event, the reservation, the buyer's limit and the named seats of each request.
    SELECT array_agg(v_event_status = 'ON_SALE' AND j.open AND NOT j.gone
                     AND j.wants <= j.remaining ORDER BY j.request),
           array_agg(j.id ORDER BY j.request),
           array_agg(j.ends ORDER BY j.request),
           array_agg(CASE WHEN j.wants > j.remaining THEN j.most END ORDER BY j.request),
           array_agg(greatest(j.remaining, 0)::integer ORDER BY j.request)
    INTO v_able, v_ids, v_ends, v_limits, v_remaining
    FROM (
        SELECT q.request, coalesce(m.status = 'OPEN', true) AS open,
               coalesce(m.id, p_reservations[q.request]) AS id,
               coalesce(m.expires_at, now() + make_interval(secs => v_event.reservation_seconds))
                   AS ends,
               coalesce(named.gone, false) AS gone,
               coalesce(named.fresh, 0) + coalesce(standing.count, 0) AS wants,
               least(coalesce(a.seats_max, v_event.seats_per_buyer_max), p_seats_max) AS most,
               least(coalesce(a.seats_max, v_event.seats_per_buyer_max)
                         - coalesce(a.seats, 0) + coalesce(cardinality(past.seat_indexes), 0),
                     p_seats_max - coalesce(cardinality(m.seat_indexes), 0)) AS remaining
        FROM unnest(p_buyers) WITH ORDINALITY AS q (buyer, request)
        LEFT JOIN unnest(v_mine) m ON m.buyer_id = q.buyer AND m.id <> ALL (v_lapsed)
        LEFT JOIN unnest(v_mine) past ON past.buyer_id = q.buyer AND past.id = ANY (v_lapsed)
        LEFT JOIN unnest(v_allowances) a ON a.buyer_id = q.buyer
        LEFT JOIN (
            SELECT s.request, bool_or(NOT s.free AND NOT s.own) AS gone,
                   count(*) FILTER (WHERE NOT s.own) AS fresh
            FROM unnest(p_seat_requests, v_free, v_own) AS s (request, free, own)
            GROUP BY s.request
        ) named ON named.request = q.request
        LEFT JOIN (
            SELECT n.request, sum(n.count) AS count
            FROM unnest(v_need_requests, v_need_counts) AS n (request, count) GROUP BY n.request
        ) standing ON standing.request = q.request
    ) j;

    -- Of those who might have a seat, the first to arrive does; the others follow.
    -- Mostly nobody asks for what another one asks for.
    v_won := v_able;
    v_firsts := p_seat_requests;
    v_is_contested := cardinality(v_locked) < cardinality(p_seats) OR cardinality(v_lapsed) > 0;
    IF v_is_contested THEN
        SELECT coalesce(array_agg(a.first ORDER BY a.n), '{}') INTO v_firsts
        FROM (
            SELECT q.n, coalesce(min(q.request) FILTER (WHERE v_able[q.request])
                                     OVER (PARTITION BY q.seat), q.request) AS first
            FROM unnest(p_seat_requests, p_seats) WITH ORDINALITY AS q (request, seat, n)
        ) a;
        SELECT array_agg(w.able AND coalesce(f.follows, false) ORDER BY w.n),
               array_agg(w.able AND NOT coalesce(f.follows, false) ORDER BY w.n)
        INTO v_follows, v_won
        FROM unnest(v_able) WITH ORDINALITY AS w (able, n)
        LEFT JOIN (
            SELECT a.request, bool_or(a.first < a.request) AS follows
            FROM unnest(p_seat_requests, v_firsts) AS a (request, first) GROUP BY a.request
        ) f ON f.request = w.n;
    END IF;

    -- 5. Hand out general admission to those who may have it.
    IF cardinality(v_need_requests) > 0 THEN
        SELECT h.o_requests, h.o_places, h.o_states,
               h.o_short_requests, h.o_short_firsts, h.o_contended
        INTO v_place_requests, v_places, v_place_states,
             v_short_requests, v_short_firsts, v_contended
        FROM hand_out_places(
            p_event, v_need_requests, v_need_firsts, v_need_lasts, v_need_counts,
            v_won,
            ARRAY(SELECT a.seat FROM unnest(p_seat_requests, p_seats) AS a (request, seat)
                  WHERE v_able[a.request]),
            p_candidates, p_patient) h;
        SELECT array_agg(w.won AND w.n <> ALL (v_contended || v_short_requests) ORDER BY w.n)
        INTO v_won FROM unnest(v_won) WITH ORDINALITY AS w (won, n);
    END IF;

    -- Whoever stood behind a request that lost is neither refused nor served yet.
    IF v_is_contested THEN
        SELECT v_contended || coalesce(array_agg(f.n::integer), '{}') INTO v_contended
        FROM unnest(v_follows) WITH ORDINALITY AS f (follows, n)
        WHERE f.follows AND NOT EXISTS (
            SELECT 1 FROM unnest(p_seat_requests, v_firsts) AS a (request, first)
            WHERE a.request = f.n AND a.first < a.request AND v_won[a.first]);
    END IF;

    -- 6. Who gets which seat.
    SELECT coalesce(array_agg(t.request), '{}'), coalesce(array_agg(t.seat), '{}'),
           coalesce(array_agg(t.before), '{}')
    INTO v_new_requests, v_new_seats, v_new_before
    FROM (
        SELECT a.request, a.seat, s.state AS before
        FROM unnest(p_seat_requests, p_seats, v_own) AS a (request, seat, own)
        JOIN unnest(v_locked) s ON s.seat_index = a.seat
        WHERE v_won[a.request] AND NOT a.own
        UNION ALL
        SELECT p.request, p.place, p.state
        FROM unnest(v_place_requests, v_places, v_place_states) AS p (request, place, state)
    ) t;

    -- 7. Write, the version last.
    IF cardinality(v_lapsed) > 0 THEN
        UPDATE reservations r SET status = 'EXPIRED' WHERE r.id = ANY (v_lapsed);
        UPDATE allowances a SET seats = a.seats - cardinality(m.seat_indexes)
        FROM unnest(v_mine) m
        WHERE m.id = ANY (v_lapsed) AND a.event_id = p_event AND a.buyer_id = m.buyer_id;
    END IF;
    IF cardinality(v_new_seats) > 0 THEN
        INSERT INTO allowances AS a (event_id, buyer_id, seats, seats_max)
        SELECT p_event, p_buyers[n.request], count(*), v_event.seats_per_buyer_max
        FROM unnest(v_new_requests) AS n (request)
        GROUP BY n.request ORDER BY p_buyers[n.request]
        ON CONFLICT (event_id, buyer_id) DO UPDATE SET seats = a.seats + excluded.seats;
        INSERT INTO reservations AS r
            (id, event_id, buyer_id, status, seat_indexes, expires_at, hold_ends_at,
             payment_attempts)
        SELECT v_ids[n.request], p_event, p_buyers[n.request], 'OPEN', array_agg(n.seat),
               v_ends[n.request], v_ends[n.request] + p_grace, 0
        FROM unnest(v_new_requests, v_new_seats) AS n (request, seat) GROUP BY n.request
        ON CONFLICT (id) DO UPDATE SET seat_indexes = r.seat_indexes || excluded.seat_indexes;
        UPDATE event_seats e
        SET state = 1, reservation_id = v_ids[n.request], held_until = v_ends[n.request]
        FROM unnest(v_new_requests, v_new_seats) AS n (request, seat)
        WHERE e.event_id = p_event AND e.seat_index = n.seat;
    END IF;
    IF cardinality(v_lapsed) > 0 THEN
        SELECT coalesce(array_agg(s.seat_index), '{}'), coalesce(array_agg(s.state), '{}')
        INTO v_freed, v_freed_before
        FROM unnest(v_locked) s
        WHERE s.reservation_id = ANY (v_lapsed) AND s.seat_index <> ALL (v_new_seats);
        UPDATE event_seats e SET state = 0, reservation_id = NULL, held_until = NULL
        WHERE e.event_id = p_event AND e.seat_index = ANY (v_freed);
    END IF;
    v_seats := v_new_seats || v_freed;
    v_after := array_fill(1::smallint, ARRAY[cardinality(v_new_seats)])
        || array_fill(0::smallint, ARRAY[cardinality(v_freed)]);
    IF cardinality(v_seats) > 0 THEN
        SELECT r.o_version, r.o_committed_at INTO v_version, v_committed_at
        FROM record_seat_changes(p_event, v_seats, v_new_before || v_freed_before, v_after) r;
    END IF;

    -- 8. Answer each; what changed goes with the first.
    RETURN QUERY
    SELECT v_won[q.request], q.request = ANY (v_contended), v_event_status, v_event.sales_open_at,
           v_ids[q.request], coalesce(m.status, 'OPEN')::text,
           coalesce(m.seat_indexes, '{}') || coalesce(new.seats, '{}'),
           v_ends[q.request], ceil(extract(epoch FROM v_ends[q.request] - now()))::integer,
           v_limits[q.request], v_remaining[q.request],
           coalesce(gone.seats, '{}'), coalesce(short.firsts, '{}'),
           CASE WHEN q.request = 1 THEN v_version END,
           CASE WHEN q.request = 1 THEN v_committed_at END,
           CASE WHEN q.request = 1 THEN v_seats END,
           CASE WHEN q.request = 1 THEN v_after END
    FROM unnest(p_buyers) WITH ORDINALITY AS q (buyer, request)
    LEFT JOIN unnest(v_mine) m ON m.buyer_id = q.buyer AND m.id <> ALL (v_lapsed)
    LEFT JOIN (
        SELECT n.request, array_agg(n.seat) AS seats
        FROM unnest(v_new_requests, v_new_seats) AS n (request, seat) GROUP BY n.request
    ) new ON new.request = q.request
    LEFT JOIN (
        SELECT a.request, array_agg(a.seat) AS seats
        FROM unnest(p_seat_requests, p_seats, v_free, v_own, v_firsts)
            AS a (request, seat, free, own, first)
        WHERE (NOT a.free AND NOT a.own) OR (a.first < a.request AND v_won[a.first])
        GROUP BY a.request
    ) gone ON gone.request = q.request
    LEFT JOIN (
        SELECT s.request, array_agg(s.first) AS firsts
        FROM unnest(v_short_requests, v_short_firsts) AS s (request, first) GROUP BY s.request
    ) short ON short.request = q.request
    ORDER BY q.request;
END
$$;
