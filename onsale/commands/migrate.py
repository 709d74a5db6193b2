"""`migrate`: bring the database to this version."""

from onsale import migrating
from onsale.commands.reaching import console_of, database_url_of, reached
from onsale.settings import Settings


def migrate() -> None:
    """Bring the database to this version's tables and functions. Safe to repeat."""
    with reached(Settings.read()) as settings:
        migrating.migrate(database_url_of(settings))
        console_of(settings).print("The database is at this version.")
