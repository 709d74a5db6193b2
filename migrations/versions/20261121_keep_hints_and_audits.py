"""Keep hints and audits, and what the reconciler needs to know of a payment.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATES = (
    "'STARTED', 'ACTION_REQUIRED', 'AUTHORISED', 'CAPTURED', 'REFUNDING', 'REFUNDED', 'DECLINED'"
)
ONE_PAYMENT = "uq_payments_one_that_may_take_money"


def upgrade() -> None:
    op.create_table(
        "audits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audits")),
    )
    op.create_table(
        "payment_hints",
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("hint_id", sa.String(200), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("handled", sa.Boolean(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("provider", "hint_id", name=op.f("pk_payment_hints")),
    )
    op.create_index(
        "ix_payment_hints_unhandled",
        "payment_hints",
        ["received_at"],
        postgresql_where=sa.text("NOT handled"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    op.add_column("payments", sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
    name_states(f"{STATES}, 'VOIDING', 'VOIDED'")
    # A payment that gives its money back takes none: another one may have paid since.
    allow_one_payment(
        "state IN ('STARTED', 'ACTION_REQUIRED', 'AUTHORISED', 'CAPTURED', 'VOIDING')"
    )


def downgrade() -> None:
    # Whoever is left between the two has to be let go of at the provider by hand.
    op.execute("UPDATE payments SET state = 'VOIDED' WHERE state = 'VOIDING'")
    allow_one_payment("state NOT IN ('DECLINED', 'VOIDED')")
    name_states(f"{STATES}, 'VOIDED'")
    op.drop_column("payments", "looked_at")
    op.drop_index("ix_idempotency_keys_created_at", "idempotency_keys")
    op.drop_table("payment_hints")
    op.drop_table("audits")


def name_states(states: str) -> None:
    op.drop_constraint(op.f("ck_payments_payment_state"), "payments", type_="check")
    op.create_check_constraint(
        op.f("ck_payments_payment_state"), "payments", f"state IN ({states})"
    )


def allow_one_payment(where: str) -> None:
    op.drop_index(ONE_PAYMENT, "payments")
    op.create_index(
        ONE_PAYMENT, "payments", ["reservation_id"], unique=True, postgresql_where=sa.text(where)
    )
