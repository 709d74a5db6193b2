-- General admission of a batch: lock as many free places of each area as are asked for in all, then
-- hand them out in order of arrival, to each request everything it needs or nothing.
--
-- p_named are seats that others of the batch will or may have by name. Need i: p_requests[i] needs p_counts[i] places between p_firsts[i] and p_lasts[i]; requests that
-- p_won already refuses get none, but are told of areas that are too full for them too. An area that
-- cannot serve a request is `short`, unless somebody else has places of it locked that may come free:
-- then the request is `contended`.
CREATE FUNCTION hand_out_places(
    p_event uuid, p_requests integer[], p_firsts integer[], p_lasts integer[], p_counts integer[],
    p_won boolean[], p_named integer[], p_candidates integer[], p_patient boolean,
    OUT o_requests integer[], OUT o_places integer[], OUT o_states smallint[],
    OUT o_short_requests integer[], OUT o_short_firsts integer[], OUT o_contended integer[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_area record;
    v_need record;
    v_found event_seats[];
    v_pool event_seats[] := '{}';
    -- By area: its first seat, where its places begin in the pool, how many are left, how many were
    -- got, and, once somebody goes without, how many of the area look free, locked or not.
    v_firsts integer[] := '{}';
    v_next integer[] := '{}';
    v_left integer[] := '{}';
    v_got integer[] := '{}';
    v_visible integer[] := '{}';
    v_area_no integer;
    v_most CONSTANT integer := (SELECT max(c) FROM unnest(p_counts) c);
    v_served boolean;
BEGIN
    o_requests := '{}'; o_places := '{}'; o_states := '{}';
    o_short_requests := '{}'; o_short_firsts := '{}'; o_contended := '{}';
    FOR v_area IN
        SELECT n.first, max(n.last) AS last,
               coalesce(sum(n.count) FILTER (WHERE p_won[n.request]), 0)::integer AS count
        FROM unnest(p_requests, p_firsts, p_lasts, p_counts) AS n (request, first, last, count)
        GROUP BY n.first ORDER BY n.first
    LOOP
        v_found := lock_free_places(p_event, v_area.first, v_area.last, v_area.count,
                                    p_named, p_candidates, p_patient);
        v_firsts := v_firsts || v_area.first;
        v_next := v_next || cardinality(v_pool) + 1;
        v_left := v_left || cardinality(v_found);
        v_got := v_got || cardinality(v_found);
        v_pool := v_pool || v_found;
        v_visible := v_visible || NULL::integer;
    END LOOP;

    FOR v_need IN
        SELECT n.request, array_agg(n.first) AS firsts, array_agg(n.last) AS lasts,
               array_agg(n.count) AS counts
        FROM unnest(p_requests, p_firsts, p_lasts, p_counts) AS n (request, first, last, count)
        GROUP BY n.request ORDER BY n.request
    LOOP
        v_served := p_won[v_need.request];
        FOR i IN 1 .. cardinality(v_need.firsts) LOOP
            v_area_no := array_position(v_firsts, v_need.firsts[i]);
            IF p_won[v_need.request] AND v_left[v_area_no] >= v_need.counts[i] THEN
                CONTINUE;
            END IF;
            v_served := false;
            IF v_visible[v_area_no] IS NULL THEN
                v_visible[v_area_no] := count_free_places(
                    p_event, v_need.firsts[i], v_need.lasts[i], p_named,
                    greatest(v_most, v_got[v_area_no] + 1));
            END IF;
            IF v_visible[v_area_no] > v_got[v_area_no] AND p_won[v_need.request] THEN
                o_contended := o_contended || v_need.request;
            ELSIF p_won[v_need.request] OR v_visible[v_area_no] < v_need.counts[i] THEN
                o_short_requests := o_short_requests || v_need.request;
                o_short_firsts := o_short_firsts || v_need.firsts[i];
            END IF;
        END LOOP;
        IF NOT v_served THEN
            CONTINUE;
        END IF;
        FOR i IN 1 .. cardinality(v_need.firsts) LOOP
            v_area_no := array_position(v_firsts, v_need.firsts[i]);
            FOR place IN v_next[v_area_no] .. v_next[v_area_no] + v_need.counts[i] - 1 LOOP
                o_requests := o_requests || v_need.request;
                o_places := o_places || v_pool[place].seat_index;
                o_states := o_states || v_pool[place].state;
            END LOOP;
            v_next[v_area_no] := v_next[v_area_no] + v_need.counts[i];
            v_left[v_area_no] := v_left[v_area_no] - v_need.counts[i];
        END LOOP;
    END LOOP;
END
$$;
