"""What whoever runs the server asks it: whether the process is up, and whether it can sell."""

import asyncio
from collections.abc import Callable

import sqlalchemy as sa
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from box_office.database import Database
from onsale.migrating import is_migrated

READY_TIMEOUT_SECONDS = 3.0

log = structlog.get_logger("onsale.health")


def health_routes(database: Callable[[], Database]) -> list[Route]:
    """Serve `/healthz` and `/readyz`. The database is there once the server has started."""

    async def readyz(_request: Request) -> Response:
        return await _readiness(database())

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def healthz(_request: Request) -> Response:
    """Answer: who cannot, is down."""
    return JSONResponse({"status": "ok"})


async def _readiness(database: Database) -> Response:
    try:
        async with asyncio.timeout(READY_TIMEOUT_SECONDS):
            migrated = await is_migrated(database.engine)
    except (OSError, TimeoutError, sa.exc.SQLAlchemyError) as problem:
        log.warning("The database does not answer", problem=type(problem).__name__)
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


def _unready(problem: str, action: str) -> Response:
    return JSONResponse(
        {"status": "unavailable", "problem": problem, "action": action}, status_code=503
    )
