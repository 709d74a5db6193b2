"""Servers that die between any two steps: after a restart, and within a minute, all is well."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from box_office import expiry, releasing, reserving, sales
from box_office.crash_points import CrashPoint, Moment, moment_of
from box_office.database import Database
from onsale.embedded import Services
from tests.conftest import own_database
from tests.crashes.forked import ForkedServer
from tests.crashes.scenes import SCENES, Buyer, Died, Scene, payment_state
from tests.halls import Hall, open_hall
from tests.house.programs import onsale
from tests.payments.pretending import Pretending, pretending
from tests.races.checkers import objections, the_provider_remembers_the_same_payments

#: What the box office promises.
RECOVERED_SECONDS_MAX = 60.0
#: Servers start, die and start again, two cores at a time.
STARTING_AT_ONCE = 3
RECOVERING_AT_ONCE = 12


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pretending]:
    """One that outlives every server."""
    with pretending(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


def test_there_is_a_scene_for_every_point() -> None:
    statements = [reserving.RESERVE_NOW, releasing.Release.STATEMENT, expiry.Expire.STATEMENT]
    statements += [
        request.STATEMENT for request in vars(sales).values() if hasattr(request, "STATEMENT")
    ]
    published = {CrashPoint.PUBLISHING, CrashPoint.PUBLISHED}  # They have a test of their own.

    points = {moment_of(statement, moment) for statement in statements for moment in Moment}

    assert set(SCENES) == points | {point.value for point in set(CrashPoint) - published}


async def test_wherever_a_server_dies_the_books_agree_within_a_minute(
    services: Services, template: str, provider: Pretending, tmp_path: Path
) -> None:
    """In one test, for the servers wait for each other's work side by side."""
    starting = asyncio.Semaphore(STARTING_AT_ONCE)
    recovering = asyncio.Semaphore(RECOVERING_AT_ONCE)

    async def problem_of(point: str, scene: Scene) -> str | None:
        folder = tmp_path / point
        folder.mkdir()
        async with recovering, own_database(services, template) as url:
            stage = Stage(url, services, provider, folder, starting)
            return await stage.play(point, scene)

    names = list(SCENES)
    found = await asyncio.gather(*(problem_of(name, SCENES[name]) for name in names))

    assert {name: what for name, what in zip(names, found, strict=True) if what} == {}


class Stage:
    """Where one scene is played: a database, a server that dies, and one that comes after it."""

    def __init__(
        self,
        database_url: str,
        services: Services,
        provider: Pretending,
        folder: Path,
        starting: asyncio.Semaphore,
    ) -> None:
        self.database_url = database_url
        self.redis_url = services.redis_url
        self.provider = provider
        self.folder = folder
        self.starting = starting

    async def play(self, point: str, scene: Scene) -> str | None:
        """Let a server die, start another, and say what is wrong in the end."""
        database = await Database.connect(self.database_url)
        try:
            async with open_hall(database, **scene.event) as hall:
                buyer = Buyer(hall, "")
                if not await self.dies(point, scene, buyer):
                    return "the server did not die there"
                died_at = time.monotonic()
                async with self.server() as server:
                    buyer.url = server.graphql_url
                    return await self.recovers(buyer, died_at)
        finally:
            await database.close()

    async def dies(self, point: str, scene: Scene, buyer: Buyer) -> bool:
        """Play the scene; tell whether the server killed itself."""
        async with self.server(ONSALE_CRASH_AT=point) as server:
            buyer.url = server.graphql_url
            try:
                await buyer.arrive()
                await scene.play(buyer)
                if "client secret" in buyer.told:
                    await self.provider.approve(buyer.told["client secret"])
            except Died:
                pass
            return await asyncio.to_thread(server.has_killed_itself)

    async def recovers(self, buyer: Buyer, died_at: float) -> str | None:
        """Wait until the books are at rest, and ask the unanswered question again."""
        secret = await self.secret_of(buyer)
        if secret is not None:
            await self.provider.approve(secret)
        while wrong := await self.disagreements(buyer.hall):
            if time.monotonic() - died_at > RECOVERED_SECONDS_MAX:
                return f"after a minute: {wrong}"
            await asyncio.sleep(0.5)
        return await repeats(buyer) or await self.disagreements(buyer.hall)

    async def disagreements(self, hall: Hall) -> str | None:
        """Say what is not in order: in our books, or between ours and the provider's."""
        database = hall.box_office.database
        record = self.provider.record
        known = await the_provider_remembers_the_same_payments(database, record)
        # The provider knows the payments of all scenes.
        differs = [line for line in known if "is not ours" not in line]
        wrong = await objections(database)
        return f"{wrong} {differs}" if wrong or differs else None

    async def secret_of(self, buyer: Buyer) -> str | None:
        """Have a buyer whom the bank waits for ask once more where the bank's page is."""
        if await payment_state(buyer.hall) != "ACTION_REQUIRED" or buyer.unanswered is None:
            return None
        mutation, given = buyer.unanswered
        [action] = (await buyer.do(mutation, **given))["errors"]
        secret: str = action["clientSecret"]
        return secret

    @asynccontextmanager
    async def server(self, **settings: str) -> AsyncIterator[ForkedServer]:
        """Run a server."""
        server = ForkedServer(
            self.database_url,
            self.redis_url,
            self.folder,
            ONSALE_PAYMENTS_URL=self.provider.url,
            ONSALE_PAYMENTS_KEY=self.provider.key,
            **settings,
        )
        async with self.starting:
            await asyncio.to_thread(server.start)
        try:
            yield server
        finally:
            await asyncio.to_thread(server.stop)


async def repeats(buyer: Buyer) -> str | None:
    """Whoever got no answer repeats exactly that call, and gets one that is an answer."""
    if buyer.unanswered is None:
        return None
    mutation, given = buyer.unanswered
    answer: dict[str, Any] = await buyer.do(mutation, **given)
    codes = {error.get("code") for error in answer["errors"]}
    return f"repeated: {answer}" if "OUTCOME_UNKNOWN" in codes else None


PLAN = "demo/plans/club.json"


@pytest.mark.parametrize("point", [CrashPoint.PUBLISHING, CrashPoint.PUBLISHED])
async def test_an_event_is_published_whole_or_not_at_all(
    database: Database, database_url: str, tmp_path: Path, point: CrashPoint
) -> None:
    words = ["import-seat-map", PLAN, "--venue", "Club", "--city", "Bern"]
    words += ["--time-zone", "Europe/Zurich", "--event", "A night", "--type", "Concert"]
    words += ["--currency", "CHF", "--starts", "2030-01-01T20:00", "--price", "Floor=30"]
    words += ["--price", "Gallery=45", "--general-admission", "Floor=45"]
    words += ["--general-admission", "Gallery=15"]
    variables = {"DATABASE_URL": database_url, "ONSALE_DATA_DIR": str(tmp_path)}

    died = onsale(*words, **variables, ONSALE_CRASH_AT=point)
    async with database.pool.acquire() as connection:
        events = await connection.fetchval("SELECT count(*) FROM events")
        seats = await connection.fetchval("SELECT count(*) FROM event_seats")
    again = onsale(*words, **variables)

    assert died.returncode == -9, died.stderr
    published = point is CrashPoint.PUBLISHED
    assert (events, seats > 0) == (int(published), published)
    assert again.returncode == 0, again.stderr
    assert await objections(database) == {}
