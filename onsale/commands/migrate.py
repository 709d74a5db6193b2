"""`migrate`: bring the database to this version."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

from onsale.settings import Settings


def migrate() -> None:
    """Bring the database to this version's tables and functions. Safe to repeat."""
    given = Settings.read()
    from onsale.commands.reaching import console_of, database_url_of, reached

    with reached(given) as settings:
        from onsale import migrating

        migrating.migrate(database_url_of(settings))
        console_of(settings).print("The database is at this version.")
