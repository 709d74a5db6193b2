"""Reading columns: one statement on a connection of its own, which goes back at once."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from box_office.database import Database

Rows = Sequence[sa.Row[*tuple[Any, ...]]]
Columns = sa.Select[*tuple[Any, ...]]


async def read_rows(database: Database, statement: Columns, **values: Any) -> Rows:
    """Read every row of a statement, with these values for its parameters.

    One statement needs no transaction around it: that saves two of its four ways to the database.
    """
    async with database.engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        return (await alone.execute(statement, values)).all()
