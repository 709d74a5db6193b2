"""Make the first tables.

Revision ID: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "allowances",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("seats_max", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "seats BETWEEN 0 AND seats_max", name=op.f("ck_allowances_within_the_buyers_limit")
        ),
        sa.PrimaryKeyConstraint("event_id", "buyer_id", name=op.f("pk_allowances")),
    )
    op.create_table(
        "event_types",
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("description", sa.String(1000), nullable=True),
        sa.CheckConstraint("key ~ '^[a-z0-9-]+$'", name=op.f("ck_event_types_key_is_a_slug")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_event_types")),
    )
    op.create_table(
        "performers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.CheckConstraint("length(name) > 0", name=op.f("ck_performers_has_a_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_performers")),
        sa.UniqueConstraint("name", name=op.f("uq_performers_name")),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "OPEN",
                "PAYING",
                "PURCHASED",
                "CANCELLED",
                "EXPIRED",
                name="reservation_status",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("seat_indexes", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hold_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payment_attempts", sa.SmallInteger(), nullable=False),
        sa.Column("email", sa.String(320), nullable=True),
        sa.Column("cancel_reason", sa.String(500), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status <> 'OPEN' OR expires_at <= hold_ends_at",
            name=op.f("ck_reservations_never_open_past_the_hard_end"),
        ),
        sa.CheckConstraint("cardinality(seat_indexes) > 0", name=op.f("ck_reservations_has_seats")),
        sa.CheckConstraint(
            "payment_attempts >= 0", name=op.f("ck_reservations_attempts_are_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
    )
    op.create_index("ix_reservations_buyer_id_id", "reservations", ["buyer_id", "id"], unique=False)
    op.create_index(
        "ix_reservations_status_expires_at", "reservations", ["status", "expires_at"], unique=False
    )
    op.create_index(
        "uq_reservations_one_open_per_buyer_and_event",
        "reservations",
        ["event_id", "buyer_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('OPEN', 'PAYING')"),
    )
    op.create_table(
        "seat_changes",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("seat_indexes", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("states", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column(
            "committed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "cardinality(seat_indexes) = cardinality(states)",
            name=op.f("ck_seat_changes_a_state_a_seat"),
        ),
        sa.CheckConstraint(
            "cardinality(seat_indexes) > 0", name=op.f("ck_seat_changes_something_changed")
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_seat_changes_versions_count_from_one")),
        sa.PrimaryKeyConstraint("event_id", "version", name=op.f("pk_seat_changes")),
    )
    op.create_table(
        "venues",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("address", sa.String(400), nullable=True),
        sa.Column("city", sa.String(100), nullable=False),
        sa.Column("country_code", sa.String(2), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.CheckConstraint(
            "country_code ~ '^[A-Z]{2}$'", name=op.f("ck_venues_country_code_is_iso_3166")
        ),
        sa.CheckConstraint(
            "length(name) > 0 AND length(city) > 0", name=op.f("ck_venues_has_a_name_and_a_city")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_venues")),
        sa.UniqueConstraint("name", "city", name=op.f("uq_venues_name_city")),
    )
    op.create_index(op.f("ix_venues_city"), "venues", ["city"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "STARTED",
                "ACTION_REQUIRED",
                "AUTHORISED",
                "CAPTURED",
                "REFUNDING",
                "REFUNDED",
                "DECLINED",
                "VOIDED",
                name="payment_state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("provider_reference", sa.String(200), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(3), nullable=False),
        sa.Column("decline_code", sa.String(100), nullable=True),
        sa.Column("decline_message", sa.String(1000), nullable=True),
        sa.Column("decline_retryable", sa.Boolean(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state NOT IN ('AUTHORISED', 'CAPTURED', 'REFUNDING', 'REFUNDED') OR provider_reference IS NOT NULL",
            name=op.f("ck_payments_money_has_a_reference"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_amount_is_positive")),
        sa.CheckConstraint("attempt > 0", name=op.f("ck_payments_attempts_count_from_one")),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["reservations.id"], name=op.f("fk_payments_reservation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint(
            "reservation_id", "attempt", name=op.f("uq_payments_reservation_id_attempt")
        ),
    )
    op.create_index(
        "ix_payments_state_updated_at", "payments", ["state", "updated_at"], unique=False
    )
    op.create_index(
        "uq_payments_one_that_may_take_money",
        "payments",
        ["reservation_id"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('DECLINED', 'VOIDED')"),
    )
    op.create_table(
        "seat_maps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("venue_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("width", sa.Float(), nullable=False),
        sa.Column("height", sa.Float(), nullable=False),
        sa.Column("seat_count", sa.Integer(), nullable=False),
        sa.Column("layout", sa.LargeBinary(), nullable=False),
        sa.Column("layout_hash", sa.String(16), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("seat_count > 0", name=op.f("ck_seat_maps_has_seats")),
        sa.CheckConstraint("version > 0", name=op.f("ck_seat_maps_versions_count_from_one")),
        sa.CheckConstraint("width > 0 AND height > 0", name=op.f("ck_seat_maps_has_a_size")),
        sa.ForeignKeyConstraint(["venue_id"], ["venues.id"], name=op.f("fk_seat_maps_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_maps")),
        sa.UniqueConstraint("venue_id", "version", name=op.f("uq_seat_maps_venue_id_version")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("description", sa.String(10000), nullable=True),
        sa.Column("type_key", sa.String(), nullable=False),
        sa.Column("venue_id", sa.Uuid(), nullable=False),
        sa.Column("seat_map_id", sa.Uuid(), nullable=False),
        sa.Column("image_url", sa.String(2000), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "DRAFT",
                "PUBLISHED",
                "PAUSED",
                "CANCELLED",
                name="event_state",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("sales_open_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sales_close_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("currency_code", sa.String(3), nullable=False),
        sa.Column("reservation_seconds", sa.Integer(), nullable=False),
        sa.Column("seats_per_buyer_max", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.String(), nullable=False),
        sa.CheckConstraint(
            "currency_code ~ '^[A-Z]{3}$'", name=op.f("ck_events_currency_code_is_iso_4217")
        ),
        sa.CheckConstraint(
            "slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_events_slug_is_a_slug")
        ),
        sa.CheckConstraint("ends_at >= starts_at", name=op.f("ck_events_ends_after_it_starts")),
        sa.CheckConstraint("length(title) > 0", name=op.f("ck_events_has_a_title")),
        sa.CheckConstraint(
            "reservation_seconds BETWEEN 1 AND 86400",
            name=op.f("ck_events_reservation_seconds_sane"),
        ),
        sa.CheckConstraint(
            "sales_open_at < sales_close_at", name=op.f("ck_events_sales_open_before_they_close")
        ),
        sa.CheckConstraint(
            "seats_per_buyer_max > 0", name=op.f("ck_events_a_buyer_may_have_a_seat")
        ),
        sa.ForeignKeyConstraint(
            ["seat_map_id"], ["seat_maps.id"], name=op.f("fk_events_seat_map_id")
        ),
        sa.ForeignKeyConstraint(["type_key"], ["event_types.key"], name=op.f("fk_events_type_key")),
        sa.ForeignKeyConstraint(["venue_id"], ["venues.id"], name=op.f("fk_events_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("slug", name=op.f("uq_events_slug")),
    )
    op.create_index(op.f("ix_events_seat_map_id"), "events", ["seat_map_id"], unique=False)
    op.create_index("ix_events_starts_at_id", "events", ["starts_at", "id"], unique=False)
    op.create_index(op.f("ix_events_type_key"), "events", ["type_key"], unique=False)
    op.create_index(op.f("ix_events_venue_id"), "events", ["venue_id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "PURCHASE",
                "CANCEL_ORDER",
                name="request_kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "length(key) BETWEEN 1 AND 128", name=op.f("ck_idempotency_keys_key_has_a_length")
        ),
        sa.CheckConstraint(
            "length(request_hash) = 32", name=op.f("ck_idempotency_keys_request_hash_is_sha_256")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_idempotency_keys_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["reservations.id"], name=op.f("fk_idempotency_keys_reservation_id")
        ),
        sa.PrimaryKeyConstraint("buyer_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "sections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seat_map_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "RESERVED",
                "GENERAL_ADMISSION",
                name="section_kind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("first_seat_index", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(200), nullable=True),
        sa.Column(
            "outline", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_sections_has_seats")),
        sa.CheckConstraint(
            "first_seat_index >= 0", name=op.f("ck_sections_first_seat_index_is_not_negative")
        ),
        sa.CheckConstraint("position >= 0", name=op.f("ck_sections_position_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["seat_map_id"], ["seat_maps.id"], name=op.f("fk_sections_seat_map_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sections")),
        sa.UniqueConstraint(
            "seat_map_id", "first_seat_index", name=op.f("uq_sections_seat_map_id_first_seat_index")
        ),
        sa.UniqueConstraint("seat_map_id", "name", name=op.f("uq_sections_seat_map_id_name")),
        sa.UniqueConstraint(
            "seat_map_id", "position", name=op.f("uq_sections_seat_map_id_position")
        ),
    )
    op.create_table(
        "event_ledgers",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("seat_count", sa.Integer(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "available + held + sold + blocked = seat_count",
            name=op.f("ck_event_ledgers_counters_add_up_to_the_seats"),
        ),
        sa.CheckConstraint(
            "available >= 0 AND held >= 0 AND sold >= 0 AND blocked >= 0",
            name=op.f("ck_event_ledgers_counters_are_not_negative"),
        ),
        sa.CheckConstraint("version >= 0", name=op.f("ck_event_ledgers_version_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_ledgers_event_id")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_ledgers")),
        postgresql_with={"fillfactor": 10},
    )
    op.create_table(
        "event_performers",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("performer_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_performers_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["performer_id"], ["performers.id"], name=op.f("fk_event_performers_performer_id")
        ),
        sa.PrimaryKeyConstraint("event_id", "performer_id", name=op.f("pk_event_performers")),
        sa.UniqueConstraint(
            "event_id", "position", name=op.f("uq_event_performers_event_id_position")
        ),
    )
    op.create_index(
        op.f("ix_event_performers_performer_id"), "event_performers", ["performer_id"], unique=False
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("buyer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "COMMITTED",
                "PAID",
                "CANCELLED",
                "REFUNDED",
                name="order_status",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(3), nullable=False),
        sa.Column("cancel_reason", sa.String(500), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "currency_code ~ '^[A-Z]{3}$'", name=op.f("ck_orders_currency_code_is_iso_4217")
        ),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_orders_total_is_not_negative")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_orders_event_id")),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["reservations.id"], name=op.f("fk_orders_reservation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("code", name=op.f("uq_orders_code")),
        sa.UniqueConstraint("reservation_id", name=op.f("uq_orders_reservation_id")),
    )
    op.create_index("ix_orders_buyer_id_id", "orders", ["buyer_id", "id"], unique=False)
    op.create_index(op.f("ix_orders_event_id"), "orders", ["event_id"], unique=False)
    op.create_table(
        "price_levels",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("color", sa.String(32), nullable=True),
        sa.CheckConstraint(
            "position BETWEEN 0 AND 255", name=op.f("ck_price_levels_position_fits_a_byte")
        ),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_price_levels_price_is_not_negative")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_price_levels_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_levels")),
        sa.UniqueConstraint("event_id", "name", name=op.f("uq_price_levels_event_id_name")),
        sa.UniqueConstraint("event_id", "position", name=op.f("uq_price_levels_event_id_position")),
    )
    op.create_table(
        "seats",
        sa.Column("seat_map_id", sa.Uuid(), nullable=False),
        sa.Column("seat_index", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.String(40), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("x", sa.Float(), nullable=False),
        sa.Column("y", sa.Float(), nullable=False),
        sa.Column("accessible", sa.Boolean(), nullable=False),
        sa.Column("category", sa.String(200), nullable=False),
        sa.CheckConstraint("seat_index >= 0", name=op.f("ck_seats_seat_index_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["seat_map_id"], ["seat_maps.id"], name=op.f("fk_seats_seat_map_id")
        ),
        sa.ForeignKeyConstraint(["section_id"], ["sections.id"], name=op.f("fk_seats_section_id")),
        sa.PrimaryKeyConstraint("seat_map_id", "seat_index", name=op.f("pk_seats")),
        sa.UniqueConstraint(
            "section_id", "row", "number", name=op.f("uq_seats_section_id_row_number")
        ),
    )
    op.create_table(
        "event_seats",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("seat_index", sa.Integer(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("price_level", sa.SmallInteger(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 1) = (held_until IS NOT NULL)",
            name=op.f("ck_event_seats_only_a_hold_has_an_end"),
        ),
        sa.CheckConstraint(
            "(state IN (1, 2)) = (reservation_id IS NOT NULL)",
            name=op.f("ck_event_seats_held_or_sold_has_a_reservation"),
        ),
        sa.CheckConstraint(
            "seat_index >= 0", name=op.f("ck_event_seats_seat_index_is_not_negative")
        ),
        sa.CheckConstraint("state BETWEEN 0 AND 3", name=op.f("ck_event_seats_state_is_known")),
        sa.ForeignKeyConstraint(
            ["event_id", "price_level"],
            ["price_levels.event_id", "price_levels.position"],
            name=op.f("fk_event_seats_event_id_price_level"),
        ),
        sa.PrimaryKeyConstraint("event_id", "seat_index", name=op.f("pk_event_seats")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("seat_index", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "VALID",
                "VOID",
                name="ticket_status",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_tickets_price_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["event_id", "seat_index"],
            ["event_seats.event_id", "event_seats.seat_index"],
            name=op.f("fk_tickets_event_id_seat_index"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_tickets_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("code", name=op.f("uq_tickets_code")),
    )
    op.create_index(op.f("ix_tickets_order_id"), "tickets", ["order_id"], unique=False)
    op.create_index(
        "uq_tickets_one_live_per_seat",
        "tickets",
        ["event_id", "seat_index"],
        unique=True,
        postgresql_where=sa.text("status = 'VALID'"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_tickets_one_live_per_seat",
        table_name="tickets",
        postgresql_where=sa.text("status = 'VALID'"),
    )
    op.drop_index(op.f("ix_tickets_order_id"), table_name="tickets")
    op.drop_table("tickets")
    op.drop_table("event_seats")
    op.drop_table("seats")
    op.drop_table("price_levels")
    op.drop_index(op.f("ix_orders_event_id"), table_name="orders")
    op.drop_index("ix_orders_buyer_id_id", table_name="orders")
    op.drop_table("orders")
    op.drop_index(op.f("ix_event_performers_performer_id"), table_name="event_performers")
    op.drop_table("event_performers")
    op.drop_table("event_ledgers")
    op.drop_table("sections")
    op.drop_table("idempotency_keys")
    op.drop_index(op.f("ix_events_venue_id"), table_name="events")
    op.drop_index(op.f("ix_events_type_key"), table_name="events")
    op.drop_index("ix_events_starts_at_id", table_name="events")
    op.drop_index(op.f("ix_events_seat_map_id"), table_name="events")
    op.drop_table("events")
    op.drop_table("seat_maps")
    op.drop_index(
        "uq_payments_one_that_may_take_money",
        table_name="payments",
        postgresql_where=sa.text("state NOT IN ('DECLINED', 'VOIDED')"),
    )
    op.drop_index("ix_payments_state_updated_at", table_name="payments")
    op.drop_table("payments")
    op.drop_index(op.f("ix_venues_city"), table_name="venues")
    op.drop_table("venues")
    op.drop_table("seat_changes")
    op.drop_index(
        "uq_reservations_one_open_per_buyer_and_event",
        table_name="reservations",
        postgresql_where=sa.text("status IN ('OPEN', 'PAYING')"),
    )
    op.drop_index("ix_reservations_status_expires_at", table_name="reservations")
    op.drop_index("ix_reservations_buyer_id_id", table_name="reservations")
    op.drop_table("reservations")
    op.drop_table("performers")
    op.drop_table("event_types")
    op.drop_table("allowances")
