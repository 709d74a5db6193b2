"""The commands, started as a person would start them."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import httpx
import pytest

from box_office.database import Database
from onsale.commands.import_seat_map import counted
from tests.house.programs import (
    ROOT,
    end_keeper,
    environment,
    onsale,
    pids_of,
    start_keeper,
    wait_until_gone,
)

#: Port 9 is for discarding: nobody listens there.
NOBODY = "127.0.0.1:9"
STOP_SECONDS_MAX = 10.0
#: A club in which everybody stands.
CLUB = ["--venue", "Club", "--city", "Tokyo", "--time-zone", "Asia/Tokyo"]
CLUB += ["--general-admission", "Floor=450", "--general-admission", "Gallery=150"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder of this test alone."""
    with TemporaryDirectory(prefix="onsale-tests-") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"DATABASE_URL": f"postgresql://ada:secret@{NOBODY}/onsale"},
            f"onsale: DATABASE_URL: {NOBODY}/onsale does not answer: nobody",
        ),
        (
            {"REDIS_URL": f"redis://:secret@{NOBODY}/0"},
            f"onsale: REDIS_URL: {NOBODY}/0 does not answer: nobody",
        ),
        ({"ONSALE_HOST": "a b"}, "onsale: ONSALE_HOST: must be a host name or an address"),
        (
            {"DATABASE_URL": "postgresql://ada:secret@h:notaport/x"},
            "onsale: DATABASE_URL: its port is no number from 1 to 65535.",
        ),
        (
            {"DATABASE_URL": "postgresql://ada:secret@h:65536/x"},
            "onsale: DATABASE_URL: its port is no number from 1 to 65535.",
        ),
    ],
)
def test_what_does_not_answer_gets_one_line_and_exit_code_1(
    variables: dict[str, str], line: str
) -> None:
    answer = onsale("serve", ONSALE_PORT="0", **variables)

    assert answer.returncode == 1
    assert answer.stderr.startswith(line)
    assert len(answer.stderr.splitlines()) == 1
    assert "secret" not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("variable", "scheme"), [("DATABASE_URL", "postgresql"), ("REDIS_URL", "redis")]
)
def test_what_accepts_and_stays_silent_is_said_to_be_silent(variable: str, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}/0"

        answer = onsale("serve", ONSALE_PORT="0", **{variable: f"{scheme}://{address}"})

    assert answer.returncode == 1
    assert answer.stderr == (
        f"onsale: {variable}: {address} does not answer: nothing came within 5 s.\n"
    )


def test_help_and_a_mistake_in_the_settings_are_answered_without_the_heavy_libraries() -> None:
    heavy = ("sqlalchemy", "asyncpg", "redis", "alembic", "strawberry", "graphql", "uvicorn")
    program = (
        "import sys; from onsale.commands import run\n"
        "try: run()\n"
        f"finally: print(sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)"
    )
    mistake = environment(ONSALE_HOST="a b")

    plan = "import-seat-map no.json --venue Hall --city Lyon --time-zone Europe/Paris"
    for word, variables in (
        ("--help", environment()),
        *((word, mistake) for word in ("serve", "worker", "migrate", "seed", plan)),
    ):
        answer = subprocess.run(
            [sys.executable, "-c", program, *word.split()],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=variables,
            check=False,
        )
        assert answer.stderr.splitlines()[-1] == "[]"


def test_a_database_without_tables_is_told_to_be_migrated(
    empty_database_url: str, redis_url: str
) -> None:
    urls = {"DATABASE_URL": empty_database_url, "REDIS_URL": redis_url}

    refused = onsale("serve", ONSALE_PORT="0", **urls)
    migrated = onsale("migrate", **urls)

    assert refused.returncode == 1
    assert refused.stderr == (
        "onsale: The database is not migrated; run: python -m onsale migrate\n"
    )
    assert (migrated.returncode, migrated.stderr) == (0, "")


def test_a_taken_port_is_said_before_anything_is_started(folder: Path, redis_url: str) -> None:
    taken = redis_url.rpartition(":")[2].partition("/")[0]

    refused = onsale("serve", ONSALE_PORT=taken, ONSALE_DATA_DIR=str(folder))

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"onsale: Cannot serve on 127.0.0.1:{taken}: ")
    assert not list(folder.iterdir())


def test_one_command_serves_stops_in_order_and_survives_a_kill(folder: Path) -> None:
    own = {"ONSALE_DATA_DIR": str(folder), "ONSALE_PORT": "0"}
    with serving("--demo", **own) as (server, url):
        assert httpx.get(f"{url}/readyz").json() == {"status": "ready"}
        assert titles_at(url)
        with serving(**own) as (second, other_url):
            assert titles_at(other_url) == titles_at(url), "the second server joins the first"
            interrupt(second)
        pids = pids_of(folder)
        server.kill()
    assert wait_until_gone(pids)

    began = monotonic()
    with serving("--demo", **own) as (server, url):
        assert monotonic() - began < 15, "5 s on an idle machine"
        assert titles_at(url)
        pids = pids_of(folder)
        interrupt(server)
        assert server.returncode == 0
    assert wait_until_gone(pids)


def test_what_is_joined_is_said_on_one_line_however_narrow_the_terminal(folder: Path) -> None:
    keeper = start_keeper(folder)

    answer = onsale("migrate", ONSALE_DATA_DIR=str(folder), COLUMNS="40")
    end_keeper(keeper)

    assert answer.returncode == 0
    assert answer.stdout.splitlines()[0].endswith(
        f": joined, they end with their owner, data in {folder}"
    )


def test_a_joined_server_sells_again_once_its_killed_owner_is_replaced(folder: Path) -> None:
    own = {"ONSALE_DATA_DIR": str(folder), "ONSALE_PORT": "0"}
    with serving("--demo", **own) as (owner, _), serving(**own) as (joined, url):
        titles = titles_at(url)
        owner.kill()
        with serving(**own):
            assert titles_at(url) == titles
            assert httpx.get(f"{url}/readyz").status_code == 200
            interrupt(joined)
    assert joined.returncode == 0


def test_two_servers_share_a_database_and_a_redis(database_url: str, redis_url: str) -> None:
    urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "ONSALE_PORT": "0"}

    with serving(**urls) as (_, first), serving(**urls) as (_, second):
        assert first != second
        for url in (first, second):
            assert httpx.get(f"{url}/readyz").json() == {"status": "ready"}


def test_without_redis_a_server_says_what_that_means(database_url: str) -> None:
    with serving(DATABASE_URL=database_url, ONSALE_PORT="0") as (server, _):
        server.terminate()
        assert server.wait(STOP_SECONDS_MAX) == 0


def test_a_worker_ends_when_told(database_url: str, redis_url: str, folder: Path) -> None:
    worker = start(
        "worker", DATABASE_URL=database_url, REDIS_URL=redis_url, ONSALE_DATA_DIR=str(folder)
    )
    assert worker.stderr is not None
    assert "at work" in worker.stderr.readline()

    worker.terminate()
    worker.communicate(timeout=STOP_SECONDS_MAX)

    assert worker.returncode == 0


@pytest.mark.parametrize(
    "parameters", ["sslmode=disable", "ssl=prefer", "application_name=box&sslmode=prefer"]
)
def test_what_a_database_url_may_say_behind_its_name_is_understood(
    empty_database_url: str, folder: Path, parameters: str
) -> None:
    variables = {
        "DATABASE_URL": f"{empty_database_url}?{parameters}",
        "ONSALE_DATA_DIR": str(folder),
    }

    migrated, audited = onsale("migrate", **variables), onsale("audit", **variables)

    assert (migrated.returncode, audited.returncode) == (0, 0), migrated.stderr + audited.stderr


def test_a_parameter_that_nobody_knows_and_several_hosts_are_said_in_a_line(
    database_url: str,
) -> None:
    unknown = onsale("migrate", DATABASE_URL=f"{database_url}?colour=red")
    several = onsale("migrate", DATABASE_URL="postgresql://a:secret@h1:1,h2:2/onsale")

    for said, words in ((unknown, "colour"), (several, "several hosts")):
        assert said.returncode == 1
        assert words in said.stderr
        assert len(said.stderr.splitlines()) == 1, said.stderr
        assert "secret" not in said.stderr


@pytest.mark.parametrize(
    ("is_meant", "number", "code"),
    [
        (True, signal.SIGTERM, 0),
        (False, signal.SIGTERM, 143),
        (False, signal.SIGINT, 130),
    ],
)
def test_only_what_is_meant_to_end_by_a_signal_says_that_all_is_well(
    is_meant: bool, number: signal.Signals, code: int
) -> None:
    program = f"""
from time import sleep
from onsale.ending import end_on_signals
end_on_signals(is_meant={is_meant})
print("up", flush=True)
sleep(60)
"""
    command = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert command.stdout is not None
    assert command.stdout.readline() == "up\n"

    command.send_signal(number)
    command.communicate(timeout=STOP_SECONDS_MAX)

    assert command.returncode == code


async def test_an_unreadable_plan_is_named_with_every_fault_and_stores_nothing(
    folder: Path, database: Database, database_url: str
) -> None:
    plan = folder / "plan.json"
    plan.write_text('{"zones": [{"name": "Stalls", "rows": 7}], "categories": "none"}')
    words = ("--venue", "Hall", "--city", "Lyon", "--time-zone", "Europe/Paris")

    answer = onsale("import-seat-map", str(plan), *words, DATABASE_URL=database_url)

    assert answer.returncode == 1
    lines = answer.stderr.splitlines()
    assert len(lines) > 1
    assert all(line.startswith(f"onsale: {plan}: ") for line in lines)
    assert any("zones[0].rows" in line for line in lines)
    assert await database.pool.fetchval("SELECT count(*) FROM venues") == 0


async def test_a_plan_becomes_a_seat_map_with_an_event_on_sale(
    database: Database, database_url: str
) -> None:
    plan = ROOT / "demo" / "plans" / "club.json"
    words = [*CLUB, "--price", "Floor=3000", "--price", "Gallery=4500"]
    words += ["--event", "First night", "--starts", "2035-05-01T19:30", "--currency", "JPY"]

    answer = onsale("import-seat-map", str(plan), *words, DATABASE_URL=database_url)

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "seat map version 1 with 600 seats in 2 sections." in answer.stdout
    assert "On sale: first-night" in answer.stdout
    event = await database.pool.fetchrow("SELECT * FROM events")
    venue = await database.pool.fetchrow("SELECT * FROM venues")
    assert event is not None
    assert venue is not None
    assert event["starts_at"].isoformat() == "2035-05-01T10:30:00+00:00"
    assert venue["country_code"] == "JP"


async def test_an_event_that_cannot_be_sold_leaves_no_seat_map_behind(
    database: Database, database_url: str
) -> None:
    plan = ROOT / "demo" / "plans" / "club.json"
    words = [*CLUB, "--event", "First night", "--starts", "2035-05-01T19:30", "--currency", "XYZ"]

    answer = onsale("import-seat-map", str(plan), *words, DATABASE_URL=database_url)

    assert answer.returncode == 1
    assert "onsale: --currency: 'XYZ' is no currency" in answer.stderr
    assert "onsale: --price: Give" in answer.stderr
    assert await database.pool.fetchval("SELECT count(*) FROM seat_maps") == 0


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 seats"), (1, "1 seat"), (2, "2 seats"), (2_000, "2,000 seats")]
)
def test_one_seat_is_no_seats(number: int, said: str) -> None:
    assert counted(number, "seat") == said


def test_the_committed_schema_is_the_code_s() -> None:
    answer = onsale("export-schema", "--check")

    assert (answer.returncode, answer.stdout) == (0, "")


def test_help_names_every_command() -> None:
    shown = onsale("--help").stdout

    for command in ("serve", "worker", "migrate", "seed", "import-seat-map", "export-schema"):
        assert command in shown


def start(*words: str, **variables: str) -> subprocess.Popen[str]:
    """Start `python -m onsale …`."""
    return subprocess.Popen(
        [sys.executable, "-m", "onsale", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(**variables),
    )


@contextmanager
def serving(*words: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server, wait until it says where it is, and see to its end."""
    with start("serve", *words, **variables) as server:
        try:
            yield server, said_url(server)
        finally:
            server.kill()


def said_url(server: subprocess.Popen[str]) -> str:
    """Read the output until it names the API's address."""
    assert server.stdout is not None
    assert server.stderr is not None
    for line in server.stdout:
        if found := re.search(r"(http://\S+)/graphql", line):
            return found.group(1)
    raise AssertionError(server.stderr.read())


def titles_at(url: str) -> list[str]:
    """Ask a server which events are on."""
    answer = httpx.get(f"{url}/graphql", params={"query": "{ events { nodes { title } } }"})
    return [node["title"] for node in answer.json()["data"]["events"]["nodes"]]


def interrupt(server: subprocess.Popen[str]) -> None:
    """Press Ctrl-C."""
    server.send_signal(signal.SIGINT)
    server.wait(STOP_SECONDS_MAX)
