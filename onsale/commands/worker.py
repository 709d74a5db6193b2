"""`worker`: what goes on whether or not anybody looks, without a door to the network."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

from onsale.settings import Settings


def worker() -> None:
    """Sweep, reconcile, audit, end what is old. Servers do so too: this one is for their rest."""
    given = Settings.read()
    from onsale.commands.reaching import ready

    with ready(given, serves=True) as settings:
        from onsale.working import run_worker

        run_worker(settings)
