"""A server with demo events, and a browser that reaches nothing else."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, async_playwright, expect

from box_office.database import Database
from demo.seed import seed
from onsale.embedded import Services
from onsale.graphiql import BUILT
from tests.conftest import broken_rules, own_database
from tests.servers import ServerProcess, running_servers
from tests.web import chromium

#: A shared machine may take its time; what is right is seen at once.
SECONDS_MAX = 30


@pytest.fixture(scope="session")
def program() -> str:
    """Name the browser; let nobody believe that these tests had passed where they cannot be run."""
    program = chromium.find()
    is_built = (BUILT / "index.html").is_file()
    if program is not None and is_built:
        return program
    missing = "there is no Chromium" if is_built else "make graphiql has built nothing"
    if os.environ.get("CI"):
        pytest.fail(f"GraphiQL cannot be tested: {missing}")
    pytest.skip(f"GRAPHIQL IS NOT TESTED IN A BROWSER: {missing}")


@pytest.fixture(scope="module")
def server(
    program: str,  # noqa: ARG001 - No server is started for nothing.
    services: Services,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServerProcess]:
    """Serve the demo; its books are audited when all is done."""
    with asyncio.Runner() as runner:
        house = own_database(services, template)
        url = runner.run(house.__aenter__())
        runner.run(_seed(url))
        with running_servers(url, services.redis_url, tmp_path_factory.mktemp("web")) as [server]:
            yield server
        assert "Traceback" not in server.log.read_text()
        assert runner.run(broken_rules(url)) == {}
        runner.run(house.__aexit__(None, None, None))


@pytest.fixture
async def browser(program: str) -> AsyncIterator[Browser]:
    """A browser of this test alone."""
    expect.set_options(timeout=SECONDS_MAX * 1000)
    async with async_playwright() as playwright:
        launch = playwright.chromium.launch
        browser = await launch(executable_path=program, args=list(chromium.ARGUMENTS))
        yield browser
        await browser.close()


async def _seed(url: str) -> None:
    database = await Database.connect(url)
    try:
        await seed(database)
    finally:
        await database.close()
