"""Readiness, asked while the database is silent."""

import asyncio
from time import monotonic

import httpx
from sqlalchemy.engine import make_url
from starlette.applications import Starlette

from box_office.database import Database
from onsale.health import health_routes
from tests.live.breakable import BreakableProxy
from tests.servers import serving


async def test_a_silent_database_is_told_within_about_a_second_to_however_many_ask(
    database_url: str,
) -> None:
    url = make_url(database_url)
    way = BreakableProxy(url.host or "", url.port or 0)
    await way.open()
    database = await Database.connect(url.set(port=way.port).render_as_string(hide_password=False))
    app = Starlette(routes=health_routes(lambda: database))

    async with serving(app) as server, httpx.AsyncClient(base_url=server) as client:
        assert (await client.get("/readyz")).status_code == 200
        way.freeze()
        for _ in range(2):
            began = monotonic()
            answers = await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
            assert monotonic() - began < 2
            assert {answer.status_code for answer in answers} == {503}
        way.heal()
        await becomes_ready(client)
    await database.close()
    await way.close()


async def becomes_ready(client: httpx.AsyncClient) -> None:
    deadline = monotonic() + 15
    while (await client.get("/readyz")).status_code != 200:
        assert monotonic() < deadline
        await asyncio.sleep(0.1)
