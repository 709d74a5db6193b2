"""Several workers behind one port are one server to whoever comes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from onsale.embedded import Services
from tests.conftest import own_database
from tests.crew.crews import (
    await_line,
    connected,
    crew_of_two,
    figures,
    figures_folder_of,
    told,
    whole_answer,
    worker_at,
    workers_of,
)
from tests.house.programs import ROOT, wait_until_gone
from tests.servers import ServerProcess

CONNECTIONS = 64
#: Of 64 tosses of a coin, one in 30,000 times fewer are heads.
SHARE_MIN = 16
OK = 'onsale_operation_seconds_count{outcome="ok",type="query"}'


@pytest.fixture(scope="module")
def crew(
    services: Services, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServerProcess, Counter[int]]]:
    """Two workers, and who of them got how many of those who came first."""
    with asyncio.Runner() as runner:
        own = own_database(services, template)
        server = ServerProcess(
            runner.run(own.__aenter__()),
            services.redis_url,
            tmp_path_factory.mktemp("crew"),
        )
        with crew_of_two(server) as shares:
            yield server, shares
        runner.run(own.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def server(crew: tuple[ServerProcess, Counter[int]]) -> ServerProcess:
    """They live through all tests of this page but the last of them."""
    return crew[0]


def test_nobody_is_let_in_before_all_workers_could(
    crew: tuple[ServerProcess, Counter[int]],
) -> None:
    assert sorted(crew[1]) == [0, 1]


def test_everybody_who_comes_is_dealt_out_to_all_workers(server: ServerProcess) -> None:
    workers = workers_of(server.pid)

    with connected(server, CONNECTIONS) as lines:
        shares = Counter(worker_at(line, workers) for line in lines)

    assert sorted(shares) == [0, 1]
    assert min(shares.values()) >= SHARE_MIN


def test_every_worker_runs_on_the_quick_event_loop(server: ServerProcess) -> None:
    serving = told(server.log, "This process serves")

    assert {line["process"] for line in serving} >= set(workers_of(server.pid).values())
    assert {line["event_loop"] for line in serving} == {"uvloop"}


def test_every_worker_knows_the_buyers_of_the_others(server: ServerProcess) -> None:
    guest = "mutation { startGuestSession { token viewer { id } } }"
    session = httpx.post(server.graphql_url, json={"query": guest}).json()["data"][
        "startGuestSession"
    ]
    path = "/graphql?query={viewer{id}}"

    workers = workers_of(server.pid)
    with connected(server, 16) as lines:
        asked = {worker_at(line, workers): line for line in lines}
        for line in asked.values():
            answer = whole_answer(line, path, f"authorization: Bearer {session['token']}\r\n")
            assert session["viewer"]["id"] in answer
    assert sorted(asked) == [0, 1]


def test_whichever_worker_is_asked_tells_the_figures_of_all(server: ServerProcess) -> None:
    before = figures(httpx.get(f"{server.url}/metrics").text).get(OK, 0)
    workers = workers_of(server.pid)

    with connected(server, 16) as lines:
        asked = {worker_at(line, workers): line for line in lines}
        for line in lines:
            assert '"Query"' in whole_answer(line, "/graphql?query={__typename}")
        answers = [whole_answer(line, "/metrics") for line in asked.values()]

    assert sorted(asked) == [0, 1]
    for answer in answers:
        assert figures(answer)[OK] == before + 16
        assert figures(answer)["onsale_database_up"] == 1, "what all see is not added up"
        assert figures(answer)["onsale_payment_hints_unhandled"] == 0
        assert "# HELP onsale_subscriptions Live subscriptions" in answer


def test_a_killed_worker_is_replaced_while_the_others_go_on(server: ServerProcess) -> None:
    workers = workers_of(server.pid)
    with connected(server, 16) as lines:
        kept = [line for line in lines if worker_at(line, workers) == 0]
        for line in lines:
            whole_answer(line, "/graphql?query={__typename}")
        before = figures(whole_answer(kept[0], "/metrics"))

        os.kill(workers[1], signal.SIGKILL)
        for line in kept:
            assert '"Query"' in whole_answer(line, "/graphql?query={__typename}")
        await_line(server.log, "A worker was replaced")
        after = figures(whole_answer(kept[0], "/metrics"))

    assert workers_of(server.pid)[0] == workers[0]
    assert after[OK] == before[OK] + len(kept), "what the dead one had counted is not lost"
    assert workers_of(server.pid)[1] != workers[1]


def test_all_end_in_order_when_the_leader_is_told_to(server: ServerProcess) -> None:
    workers = workers_of(server.pid)
    folders = {figures_folder_of(process) for process in workers.values()}

    with connected(server, 16):
        server.stop()

    assert wait_until_gone(list(workers.values()))
    assert len(told(server.log, "Application shutdown complete.")) == 2
    assert [folder for folder in folders if folder.exists()] == []
    assert "Traceback" not in server.log.read_text()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)


def test_nobody_imports_what_only_others_need() -> None:
    worker = modules_after("import onsale.crew.__main__, onsale.serving")
    leader = modules_after("import onsale.commands.announcing, onsale.crew.leader")

    assert worker & {"alembic", "mako", "typer", "demo", "hypothesis", "pytest"} == set()
    assert leader & {"strawberry", "graphql", "models", "schema", "alembic", "uvicorn"} == set()


def modules_after(program: str) -> set[str]:
    """Run it in a new process; gives the names of all that it has imported."""
    program = f"{program}; import sys; print(*sys.modules)"
    answer = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)
    return set(answer.split())
