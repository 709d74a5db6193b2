"""Which house this is, so that two houses are never taken for one another.

A house is its books, and those are one database of one PostgreSQL. A restored copy has the same
events with the same ids, so nothing in the books can tell it from what it was copied from.
"""

from hashlib import sha256

import asyncpg

from box_office.database import Database


async def house_of(database: Database) -> str:
    """Give a short name that all servers of a house share, and servers of no other.

    It is made of PostgreSQL's own identifier, which only a physical copy shares (a standby, a
    snapshot of the disk), and the database's name, which a restore in its place keeps. Whose rights
    were cut down so far that they cannot see the identifier goes by the name alone.
    """
    async with database.pool.acquire() as connection:
        name = await connection.fetchval("SELECT current_database()")
        try:
            own = await connection.fetchval("SELECT system_identifier FROM pg_control_system()")
        except asyncpg.InsufficientPrivilegeError:
            own = None
    return sha256(f"{own} {name}".encode()).hexdigest()[:16]
