"""What whoever runs the server asks it: whether the process is up, and whether it can sell."""

import asyncio
from collections.abc import Callable

import sqlalchemy as sa
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from box_office.database import Database
from onsale.migrated import is_migrated

#: Load balancers ask often and wait briefly.
ANSWER_SECONDS_MAX = 1.0
LOOK_SECONDS_MAX = 3.0

log = structlog.get_logger("onsale.health")


def health_routes(database: Callable[[], Database]) -> list[Route]:
    """Serve `/healthz` and `/readyz`. The database is there once the server has started."""
    readiness = Readiness(database)
    return [Route("/healthz", healthz), Route("/readyz", readiness.answer)]


async def healthz(_request: Request) -> Response:
    """Answer: who cannot, is down."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Whether this server can sell: one look at the database at a time, however many ask."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database
        self._look: asyncio.Task[bool | None] | None = None

    async def answer(self, _request: Request) -> Response:
        """Answer in time, whatever the database does.

        Giving up a connection to a database that is silent takes seconds in itself. So the look
        goes on by itself, and who asks meanwhile waits for the same one.
        """
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(_look(self._database()), name="Looking for readiness")
        done, _ = await asyncio.wait({self._look}, timeout=ANSWER_SECONDS_MAX)
        migrated = self._look.result() if done else None
        if migrated is None:
            return _unready(
                "The database does not answer.",
                "Check that PostgreSQL runs and that DATABASE_URL points to it.",
            )
        if not migrated:
            return _unready(
                "The database has not the tables and functions of this version.",
                "Run: python -m onsale migrate",
            )
        return JSONResponse({"status": "ready"})


async def _look(database: Database) -> bool | None:
    """Tell whether the database is migrated; None when it does not answer."""
    try:
        async with asyncio.timeout(LOOK_SECONDS_MAX):
            return await is_migrated(database.engine)
    except (OSError, TimeoutError, sa.exc.SQLAlchemyError) as problem:
        log.warning("The database does not answer", problem=type(problem).__name__)
        return None


def _unready(problem: str, action: str) -> Response:
    return JSONResponse(
        {"status": "unavailable", "problem": problem, "action": action}, status_code=503
    )
