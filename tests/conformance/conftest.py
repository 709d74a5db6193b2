"""Servers that are judged, and what the programs of others found out about them."""

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from box_office.database import Database
from onsale.embedded import Services
from tests.conformance.programs import Suite, ask, what_is_missing
from tests.conftest import broken_rules, own_database
from tests.halls import build_hall
from tests.servers import running_servers
from tests.transport.tiny import tiny_server

SEATS = 2_000
INIT_TIMEOUT_SECONDS = 5.0
#: Short, for some checks wait for it; but a busy machine may stand still for a while.
TINY_INIT_TIMEOUT_SECONDS = 2.0

#: Runs a suite, by its name, once in a session.
Judge = Callable[[str], Suite]


@pytest.fixture(scope="session")
def node() -> None:
    """Let nobody believe that these tests had passed where they cannot be run."""
    missing = what_is_missing()
    if missing and os.environ.get("CI"):
        pytest.fail(f"The programs of others cannot be run: {missing}")
    if missing:
        pytest.skip(f"THE PROGRAMS OF OTHERS ARE NOT RUN: {missing}")


@pytest.fixture(scope="session")
def onsale_url(
    node: None,  # noqa: ARG001 - It has to be there.
    services: Services,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Serve the whole application, with an event on sale, as it is served to buyers."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        database_url = runner.run(stack.enter_async_context(_house(services, template)))
        folder: Path = tmp_path_factory.mktemp("conformance")
        with running_servers(database_url, services.redis_url, folder) as [server]:
            yield server.graphql_url
        assert "Traceback" not in server.log.read_text()
        assert runner.run(broken_rules(database_url)) == {}
        runner.run(stack.aclose())


@asynccontextmanager
async def _house(services: Services, template: str) -> AsyncIterator[str]:
    async with own_database(services, template) as url:
        database = await Database.connect(url)
        await build_hall(database, SEATS, 0, {})
        await database.close()
        yield url


@pytest.fixture(scope="session")
def judge_onsale(onsale_url: str) -> Judge:
    """Ask the whole application."""
    server = {"url": onsale_url, "dialect": "onsale", "initTimeoutSeconds": INIT_TIMEOUT_SECONDS}
    return functools.cache(lambda suite: asyncio.run(ask(suite, **server)))


@pytest.fixture(scope="session")
def judge_tiny(node: None) -> Judge:  # noqa: ARG001 - It has to be there.
    """Ask our transport with a schema that has all a suite can ask for."""
    return functools.cache(lambda suite: asyncio.run(_ask_tiny(suite)))


async def _ask_tiny(suite: str) -> Suite:
    with capture_logs():  # What fails there on purpose would be told with long tracebacks.
        async with tiny_server(init_timeout_seconds=TINY_INIT_TIMEOUT_SECONDS) as server:
            return await ask(
                suite, url=server.graphql_url, initTimeoutSeconds=TINY_INIT_TIMEOUT_SECONDS
            )


@pytest.fixture(scope="session")
def judge_reference(node: None) -> Judge:  # noqa: ARG001 - It has to be there.
    """Ask the reference servers, to learn whether a suite asks for what is right."""
    return functools.cache(lambda suite: asyncio.run(ask(suite)))
