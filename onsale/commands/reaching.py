"""What every command needs first: settings, a PostgreSQL and a Redis that answer, and tables."""
# ruff: noqa: PLC0415 - what is heavy is imported when it is needed: see onsale/commands/__init__.py.

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from onsale.embedded import keep_services
from onsale.ending import end_on_signals
from onsale.settings import LogFormat, Settings, StartError


@contextmanager
def reached(settings: Settings, *, quiet: bool = False, serves: bool = False) -> Iterator[Settings]:
    """Give settings whose URLs answer: the environment's, or those of private servers.

    Private servers run for as long as the block lasts. `serves`: until somebody ends it. Raises
    StartError.
    """
    end_on_signals(is_meant=serves)
    console = Console(quiet=True) if quiet else console_of(settings)
    _ask(settings)
    if settings.database_url is not None:
        if settings.redis_url is None:
            line = "No REDIS_URL: other servers' changes are seen up to one second late."
            console.print(line, soft_wrap=True)
        yield settings
        return
    with keep_services(
        settings.data_dir, settings.embedded, settings.pg_bin, processes=settings.workers
    ) as services:
        origin = "joined, they end with their owner" if services.joined else "private"
        programs = ", ".join(services.programs)
        line = f"{programs}: {origin}, data in {settings.data_dir}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
        urls = {
            "database_url": services.database_url,
            "redis_url": settings.redis_url or services.redis_url,
        }
        yield settings.model_copy(update=urls)


def database_url_of(settings: Settings) -> str:
    """Give the URL of settings that have been reached."""
    assert settings.database_url is not None, "only inside `reached`"
    return settings.database_url


@contextmanager
def ready(
    given: Settings, *, may_migrate: bool = False, quiet: bool = False, serves: bool = False
) -> Iterator[Settings]:
    """Reach what the settings name, and see to the tables.

    A private database is brought to this version. Any other is its owner's: unless that was
    asked for, one of another version is a StartError.
    """
    with reached(given, quiet=quiet, serves=serves) as settings:
        from box_office import crash_points
        from onsale.migrated import is_there

        crash_points.arm(settings.crash_at)

        url = database_url_of(settings)
        if not is_there(url):
            if given.database_url is not None and not may_migrate:
                raise StartError("The database is not migrated; run: python -m onsale migrate")
            from onsale.migrating import migrate

            migrate(url)
        yield settings


def console_of(settings: Settings) -> Console:
    """Give where to tell people things; where logs are JSON, only machines read them."""
    return Console(quiet=settings.log_format is LogFormat.JSON)


def _ask(settings: Settings) -> None:
    """Ask the servers that the environment names, if any."""
    if settings.redis_url is None and settings.database_url is None:
        return
    from onsale.commands.asking import ask_postgres, ask_redis

    if settings.redis_url is not None:
        ask_redis(settings.redis_url)
    if settings.database_url is not None:
        ask_postgres(settings.database_url)
