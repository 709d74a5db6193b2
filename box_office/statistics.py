"""PostgreSQL's statistics of the tables that a sale fills: counted again while they grow.

A plan is made once for each connection and kept until its tables are counted again. One made
before the first buyer came reads a table of a few rows from end to end, and does so still when it
has 50,000. Autovacuum counts too, but comes by once a minute: in that minute a sale is over.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from box_office.database import Database

#: The tables that grow with every sale.
SOLD_INTO = (
    "allowances",
    "idempotency_keys",
    "orders",
    "payments",
    "reservations",
    "seat_changes",
    "tickets",
)
#: Fewer are read from end to end as quickly as by any index.
CHANGED_ROWS_MIN = 500

# As soon as half of its rows are new. A table that is ten times as large is thus counted six times.
# Only an owner may have it counted; whoever is none leaves that to autovacuum.
HAVE_GROWN = sa.text("""
    SELECT s.relname FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname = current_schema() AND s.relname = ANY (:tables)
      AND s.n_mod_since_analyze >= greatest(:least, s.n_live_tup / 2)
      AND pg_has_role(c.relowner, 'USAGE')
""")


async def refresh_statistics(database: Database) -> Sequence[str]:
    """Count the tables that have grown; give their names. Nobody waits for it, nor it for anybody.

    Takes some milliseconds, and at most a tenth of a second, of one core.
    """
    asked = {"tables": list(SOLD_INTO), "least": CHANGED_ROWS_MIN}
    async with database.engine.begin() as connection:
        grown = (await connection.scalars(HAVE_GROWN, asked)).all()
        if grown:
            await connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {', '.join(grown)}")
    return grown
