"""Each invariant is the database's own: its constraint refuses raw SQL that breaks it."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from box_office.cancelling import CancelOrderRequest, cancel_order
from box_office.database import Database
from box_office.purchases import PurchaseRequest, purchase_reservation
from models import Order, metadata
from tests.halls import Hall, open_hall

#: Which statement each constraint refuses.
BREAKS = {
    "ck_allowances_within_the_buyers_limit": "UPDATE allowances SET seats = seats_max + 1",
    "ck_event_ledgers_counters_add_up_to_the_seats": (
        "UPDATE event_ledgers SET available = available + 1"
    ),
    "ck_event_ledgers_counters_are_not_negative": (
        "UPDATE event_ledgers SET held = -1, available = available + held + 1"
    ),
    "ck_event_ledgers_version_is_not_negative": "UPDATE event_ledgers SET version = -1",
    "ck_event_seats_held_or_sold_has_a_reservation": (
        "UPDATE event_seats SET reservation_id = NULL WHERE state = 2"
    ),
    "ck_event_seats_only_a_hold_has_an_end": (
        "UPDATE event_seats SET held_until = now() WHERE state = 2"
    ),
    "ck_event_seats_seat_index_is_not_negative": (
        "UPDATE event_seats SET seat_index = -1 WHERE seat_index = 9"
    ),
    "ck_event_seats_state_is_known": "UPDATE event_seats SET state = 4 WHERE state = 0",
    "ck_event_types_key_is_a_slug": "INSERT INTO event_types (key, name) VALUES ('A b', 'x')",
    "ck_events_a_buyer_may_have_a_seat": "UPDATE events SET seats_per_buyer_max = 0",
    "ck_events_currency_code_is_iso_4217": "UPDATE events SET currency_code = 'gbp'",
    "ck_events_ends_after_it_starts": "UPDATE events SET ends_at = starts_at - interval '1 s'",
    "ck_events_event_state": "UPDATE events SET state = 'ON_SALE'",
    "ck_events_has_a_title": "UPDATE events SET title = ''",
    "ck_events_reservation_seconds_sane": "UPDATE events SET reservation_seconds = 0",
    "ck_events_sales_open_before_they_close": (
        "UPDATE events SET sales_open_at = now(), sales_close_at = now()"
    ),
    "ck_events_slug_is_a_slug": "UPDATE events SET slug = 'A Concert'",
    "ck_idempotency_keys_key_has_a_length": "UPDATE idempotency_keys SET key = ''",
    "ck_idempotency_keys_request_hash_is_sha_256": "UPDATE idempotency_keys SET request_hash = ''",
    "ck_idempotency_keys_request_kind": "UPDATE idempotency_keys SET kind = 'OTHER'",
    "ck_orders_currency_code_is_iso_4217": "UPDATE orders SET currency_code = 'gb1'",
    "ck_orders_order_status": "UPDATE orders SET status = 'LOST'",
    "ck_orders_total_is_not_negative": "UPDATE orders SET total_minor = -1",
    "ck_payments_amount_is_positive": "UPDATE payments SET amount_minor = 0",
    "ck_payments_attempts_count_from_one": "UPDATE payments SET attempt = 0",
    "ck_payments_money_has_a_reference": "UPDATE payments SET provider_reference = NULL",
    "ck_payments_payment_state": "UPDATE payments SET state = 'LOST'",
    "ck_performers_has_a_name": "UPDATE performers SET name = ''",
    "ck_price_levels_position_fits_a_byte": (
        "UPDATE price_levels SET position = 256 WHERE position = 2"
    ),
    "ck_price_levels_price_is_not_negative": "UPDATE price_levels SET price_minor = -1",
    "ck_reservations_attempts_are_not_negative": "UPDATE reservations SET payment_attempts = -1",
    "ck_reservations_has_seats": "UPDATE reservations SET seat_indexes = '{}'",
    "ck_reservations_never_open_past_the_hard_end": (
        "UPDATE reservations SET expires_at = hold_ends_at + interval '1 s' WHERE status = 'OPEN'"
    ),
    "ck_reservations_reservation_status": "UPDATE reservations SET status = 'LOST'",
    "ck_seat_changes_a_state_a_seat": "UPDATE seat_changes SET states = states || 0::smallint",
    "ck_seat_changes_something_changed": (
        "UPDATE seat_changes SET seat_indexes = '{}', states = '{}'"
    ),
    "ck_seat_changes_versions_count_from_one": (
        "UPDATE seat_changes SET version = 0 WHERE version = 1"
    ),
    "ck_seat_maps_has_a_size": "UPDATE seat_maps SET width = 0",
    "ck_seat_maps_has_seats": "UPDATE seat_maps SET seat_count = 0",
    "ck_seat_maps_versions_count_from_one": "UPDATE seat_maps SET version = 0",
    "ck_seats_seat_index_is_not_negative": (
        "UPDATE seats SET seat_index = -1 WHERE seat_index = 9"
    ),
    "ck_sections_first_seat_index_is_not_negative": (
        "UPDATE sections SET first_seat_index = -1 WHERE position = 0"
    ),
    "ck_sections_has_seats": "UPDATE sections SET capacity = 0",
    "ck_sections_position_is_not_negative": "UPDATE sections SET position = -1 WHERE position = 0",
    "ck_sections_section_kind": "UPDATE sections SET kind = 'STANDING'",
    "ck_tickets_price_is_not_negative": "UPDATE tickets SET price_minor = -1",
    "ck_tickets_ticket_status": "UPDATE tickets SET status = 'LOST'",
    "ck_venues_country_code_is_iso_3166": "UPDATE venues SET country_code = 'gb'",
    "ck_venues_has_a_name_and_a_city": "UPDATE venues SET city = ''",
    "fk_event_ledgers_event_id": "UPDATE event_ledgers SET event_id = gen_random_uuid()",
    "fk_event_performers_event_id": "UPDATE event_performers SET event_id = gen_random_uuid()",
    "fk_event_performers_performer_id": (
        "UPDATE event_performers SET performer_id = gen_random_uuid()"
    ),
    "fk_event_seats_event_id_price_level": (
        "UPDATE event_seats SET price_level = 77 WHERE seat_index = 9"
    ),
    "fk_events_seat_map_id": "UPDATE events SET seat_map_id = gen_random_uuid()",
    "fk_events_type_key": "UPDATE events SET type_key = 'unknown'",
    "fk_events_venue_id": "UPDATE events SET venue_id = gen_random_uuid()",
    "fk_idempotency_keys_payment_id": (
        "UPDATE idempotency_keys SET payment_id = gen_random_uuid()"
    ),
    "fk_idempotency_keys_reservation_id": (
        "UPDATE idempotency_keys SET reservation_id = gen_random_uuid()"
    ),
    "fk_orders_event_id": "UPDATE orders SET event_id = gen_random_uuid()",
    "fk_orders_reservation_id": (
        "UPDATE orders SET reservation_id = gen_random_uuid() WHERE status = 'PAID'"
    ),
    "fk_payments_reservation_id": (
        "UPDATE payments SET reservation_id = gen_random_uuid() WHERE state = 'CAPTURED'"
    ),
    "fk_price_levels_event_id": (
        "UPDATE price_levels SET event_id = gen_random_uuid() WHERE position = 2"
    ),
    "fk_seat_maps_venue_id": "UPDATE seat_maps SET venue_id = gen_random_uuid()",
    "fk_seats_seat_map_id": (
        "UPDATE seats SET seat_map_id = gen_random_uuid() WHERE seat_index = 9"
    ),
    "fk_seats_section_id": "UPDATE seats SET section_id = gen_random_uuid() WHERE seat_index = 9",
    "fk_sections_seat_map_id": "UPDATE sections SET seat_map_id = gen_random_uuid()",
    "fk_tickets_event_id_seat_index": "UPDATE tickets SET seat_index = 77 WHERE seat_index = 1",
    "fk_tickets_order_id": "UPDATE tickets SET order_id = gen_random_uuid() WHERE seat_index = 1",
    "uq_event_performers_event_id_position": "UPDATE event_performers SET position = 0",
    "uq_events_slug": (
        "INSERT INTO events SELECT (jsonb_populate_record(e,"
        " jsonb_build_object('id', gen_random_uuid()))).* FROM events e"
    ),
    "uq_orders_code": "UPDATE orders SET code = 'SAME'",
    "uq_orders_reservation_id": (
        "UPDATE orders SET reservation_id = (SELECT min(reservation_id::text)::uuid FROM orders)"
    ),
    "uq_payments_one_that_may_take_money": (
        "INSERT INTO payments SELECT (jsonb_populate_record(p,"
        " jsonb_build_object('id', gen_random_uuid(), 'attempt', 2))).*"
        " FROM payments p WHERE state = 'CAPTURED'"
    ),
    "uq_payments_reservation_id_attempt": (
        "INSERT INTO payments SELECT (jsonb_populate_record(p,"
        " jsonb_build_object('id', gen_random_uuid(), 'state', 'DECLINED'))).*"
        " FROM payments p WHERE state = 'CAPTURED'"
    ),
    "uq_performers_name": "UPDATE performers SET name = 'Same'",
    "uq_price_levels_event_id_name": "UPDATE price_levels SET name = 'Same'",
    "uq_price_levels_event_id_position": "UPDATE price_levels SET position = 2 WHERE position <> 2",
    "uq_reservations_one_open_per_buyer_and_event": (
        "UPDATE reservations SET buyer_id = gen_random_uuid(), status = 'PAYING';"
        "UPDATE reservations SET buyer_id = '00000000-0000-0000-0000-000000000001'"
    ),
    "uq_seat_maps_venue_id_version": (
        "INSERT INTO seat_maps SELECT (jsonb_populate_record(NULL::seat_maps,"
        " to_jsonb(m) || jsonb_build_object('id', gen_random_uuid()))).* FROM seat_maps m"
    ),
    "uq_seats_section_id_row_number": "UPDATE seats SET number = '1'",
    "uq_sections_seat_map_id_first_seat_index": "UPDATE sections SET first_seat_index = 0",
    "uq_sections_seat_map_id_name": "UPDATE sections SET name = 'Same'",
    "uq_sections_seat_map_id_position": "UPDATE sections SET position = 0",
    "uq_tickets_code": "UPDATE tickets SET code = 'SAME'",
    "uq_tickets_one_live_per_seat": (
        "INSERT INTO tickets SELECT (jsonb_populate_record(t,"
        " jsonb_build_object('id', gen_random_uuid(), 'code', 'FORGED'))).*"
        " FROM tickets t WHERE status = 'VALID' LIMIT 1"
    ),
    "uq_venues_name_city": (
        "INSERT INTO venues SELECT (jsonb_populate_record(v,"
        " jsonb_build_object('id', gen_random_uuid()))).* FROM venues v"
    ),
} | {f"pk_{table}": f"INSERT INTO {table} SELECT * FROM {table}" for table in metadata.tables}

ALL_CONSTRAINTS = """
    SELECT conname::text AS name FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'u', 'p', 'f')
      AND conrelid <> 'alembic_version'::regclass
    UNION
    SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace
      AND c.relname <> 'alembic_version'
"""


@pytest.fixture
async def busy_hall(database: Database) -> AsyncIterator[Hall]:
    """A hall with a row in every table."""
    async with open_hall(database, numbered=12, standing=4) as hall:
        for seats, cancelled in (((1, 2), False), ((3,), True)):
            reservation = await hall.held(*seats)
            key = str(uuid4())
            order = await purchase_reservation(
                hall.box_office,
                PurchaseRequest(
                    reservation.buyer_id, reservation.id, "ada@example.org", "pretend_ok", key
                ),
            )
            assert isinstance(order, Order)
            if cancelled:
                request = CancelOrderRequest(order.buyer_id, order.id, None, str(uuid4()))
                assert isinstance(await cancel_order(hall.box_office, request), Order)
        await hall.held(5)
        await hall.execute("INSERT INTO audits VALUES (gen_random_uuid(), '{}', 0.1)")
        await hall.execute(
            "INSERT INTO restores (id, compare_since) VALUES (gen_random_uuid(), now())"
        )
        await hall.execute(
            "INSERT INTO payment_hints VALUES ('pretend', 'evt_1', gen_random_uuid(), false)"
        )
        await hall.execute(
            "INSERT INTO performers (id, name) VALUES (gen_random_uuid(), 'A'),"
            " (gen_random_uuid(), 'B')"
        )
        await hall.execute(
            "INSERT INTO event_performers (event_id, performer_id, position)"
            " SELECT $1, id, row_number() OVER () FROM performers",
            hall.event_id,
        )
        await hall.execute(
            "INSERT INTO price_levels (id, event_id, position, name, price_minor)"
            " VALUES (gen_random_uuid(), $1, 2, 'Unused', 1)",
            hall.event_id,
        )
        yield hall


async def test_each_invariant_is_a_constraint_that_refuses_what_breaks_it(busy_hall: Hall) -> None:
    """In one test, for one hall: each statement is rolled back by its own refusal."""
    refused_by = {}
    async with busy_hall.box_office.database.pool.acquire() as db:
        for constraint, statement in BREAKS.items():
            with pytest.raises(asyncpg.PostgresError) as refusal:
                await db.execute(statement)
            refused_by[constraint] = refusal.value.constraint_name or str(refusal.value)

    assert {name: by for name, by in refused_by.items() if name != by} == {}


async def test_no_constraint_goes_untried(busy_hall: Hall) -> None:
    rows = await busy_hall.fetch(ALL_CONSTRAINTS)

    assert {row["name"] for row in rows} == set(BREAKS)
