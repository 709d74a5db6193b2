"""`seed`: demo venues and events, so that a fresh server has something to sell."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

from onsale.settings import Settings


def seed() -> None:
    """Load the demo's venues and events; a database that has events is left alone."""
    given = Settings.read()
    from onsale.commands.reaching import console_of, ready

    with ready(given) as settings:
        from onsale.seeding import seed_if_empty

        if not seed_if_empty(settings):
            console_of(settings).print("There are events already: nothing was loaded.")
