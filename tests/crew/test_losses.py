"""What becomes of a server of several workers when one of them, or their leader, is lost."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from box_office.database import Database
from tests.crew.crews import (
    await_line,
    crew_of_two,
    figures_folder_of,
    told,
    workers_of,
)
from tests.faults.judging import troubled, untrue
from tests.faults.sales import Sales, doors_of, selling
from tests.faults.screens import all_show_the_truth, watching
from tests.given_time import eventually
from tests.halls import Hall, open_hall
from tests.house.programs import onsale, pids_of, wait_until_gone
from tests.races.record import Action
from tests.servers import ServerProcess

SCREENS = 20
BUYERS = 3
RIGHT_SECONDS_MAX = 5.0
UNREPLACED = "A worker cannot be replaced; it is tried again"
#: What a client sees of a worker that is gone.
BROKEN_OFF = {"ConnectError", "ReadError", "RemoteProtocolError", "WriteError"}


@pytest.fixture
async def hall(database: Database) -> AsyncIterator[Hall]:
    async with open_hall(database, numbered=400, standing=10, seats_per_buyer_max=100) as hall:
        yield hall


async def test_a_sale_goes_on_and_every_screen_is_right_when_a_worker_is_killed(
    hall: Hall, database: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Buyers pay by the crew's one provider, whose webhooks come to any of the workers."""
    server = ServerProcess(database_url, redis_url, tmp_path)
    with crew_of_two(server):
        async with doors_of([server], hall) as doors:
            sales = Sales(hall, doors, pause_seconds=0.05)
            async with watching(hall, *[[server]] * SCREENS) as screens:
                async with selling(sales, BUYERS):
                    await eventually(lambda: len(sales.done(Action.PURCHASE)) >= 3, 30)
                    killed_at = time.time()
                    os.kill(workers_of(server.pid)[0], signal.SIGKILL)
                    await eventually(lambda: bool(sales.done(Action.PURCHASE, since=killed_at)), 10)
                await all_show_the_truth(hall, screens, RIGHT_SECONDS_MAX)
        log = server.log

    assert {told.answer.fault for told in troubled(sales.record)} <= BROKEN_OFF
    assert await untrue(database, sales.record) == {}
    assert "A webhook was refused" not in log.read_text()


def test_a_worker_that_cannot_be_replaced_is_tried_again_and_again(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with crew_on_own_python(database_url, redis_url, tmp_path) as (server, python, manifest):
        [first] = [workers_of(server.pid)[0]]
        python.rename(python.with_name("elsewhere"))
        manifest.write_text("spoilt")
        os.kill(first, signal.SIGKILL)
        unstarted = await_line(server.log, UNREPLACED, 3)
        python.with_name("elsewhere").rename(python)
        refused = await_line(server.log, UNREPLACED, len(told(server.log, UNREPLACED)) + 1)
        assert httpx.get(f"{server.url}/readyz").json() == {"status": "ready"}
        manifest.write_text("{}")
        await_line(server.log, "A worker was replaced")

        assert workers_of(server.pid)[0] != first
        assert "No such file" in unstarted[0]["reason"]
        assert "ONSALE_TRUSTED_DOCUMENTS" in refused[-1]["reason"]
        pauses = [line["seconds"] for line in refused]
        assert pauses == sorted(set(pauses)), "they grow"


def test_workers_and_private_servers_end_in_order_when_their_leader_is_killed(
    tmp_path: Path,
) -> None:
    server = ServerProcess("", None, tmp_path)
    del server.environment["DATABASE_URL"]
    with crew_of_two(server):
        workers = workers_of(server.pid)
        folder = figures_folder_of(workers[0])
        services = pids_of(tmp_path)

        server.kill()

    assert wait_until_gone([*workers.values(), *services])
    assert len(told(server.log, "Application shutdown complete.")) == 2
    assert not folder.exists()


def test_workers_that_cannot_start_end_the_start_with_one_reason(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    answer = onsale(
        "serve",
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        ONSALE_PORT="0",
        ONSALE_WORKERS="2",
        ONSALE_DATA_DIR=str(tmp_path),
        ONSALE_TRUSTED_DOCUMENTS=str(tmp_path / "nowhere.json"),
        ONSALE_LOG_FORMAT="json",
    )

    assert answer.returncode == 1
    lines = [line for line in answer.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, answer.stderr
    assert lines[0].startswith("onsale: ONSALE_TRUSTED_DOCUMENTS: ")
    assert "ready" not in answer.stdout


@contextmanager
def crew_on_own_python(
    database_url: str, redis_url: str, folder: Path
) -> Iterator[tuple[ServerProcess, Path, Path]]:
    """Run two workers; give them with the interpreter and the manifest that they are started by.

    The interpreter is a link in an environment of the test's own, with this one's packages.
    """
    own, manifest = folder / "python", folder / "manifest.json"
    (own / "bin").mkdir(parents=True)
    (own / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    (own / "lib").symlink_to(Path(sys.prefix) / "lib")
    (own / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())
    manifest.write_text("{}")
    server = ServerProcess(database_url, redis_url, folder, ONSALE_TRUSTED_DOCUMENTS=str(manifest))
    server.python = str(own / "bin" / "python")
    with crew_of_two(server):
        yield server, own / "bin" / "python", manifest
