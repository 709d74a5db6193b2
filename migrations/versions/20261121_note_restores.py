"""Note restores, and index what the end of old rows looks for.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "restores",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("compare_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "restored_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restores")),
    )
    for column in ("reservation_id", "payment_id"):
        op.create_index(f"ix_idempotency_keys_{column}", "idempotency_keys", [column])
    op.create_index(
        "ix_payment_hints_handled",
        "payment_hints",
        ["received_at"],
        postgresql_where=sa.text("handled"),
    )


def downgrade() -> None:
    op.drop_index("ix_payment_hints_handled", "payment_hints")
    for column in ("reservation_id", "payment_id"):
        op.drop_index(f"ix_idempotency_keys_{column}", "idempotency_keys")
    op.drop_table("restores")
