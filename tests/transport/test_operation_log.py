import asyncio
import json
import logging
import re
from uuid import uuid4

import httpx
import pytest
import structlog

from onsale.logs import configure_logs, log_fact
from onsale.settings import LogFormat
from schema.context import Buyer
from tests.transport.conftest import ReadLog
from tests.transport.test_websocket import opened
from tests.transport.tiny import SECRET, TinyServer


async def test_each_operation_is_one_line(client: httpx.AsyncClient, read_log: ReadLog) -> None:
    read_log()

    response = await client.post(
        "/graphql", json={"query": "query Greeting($n: String!) { hello(name: $n) needsBuyer }",
                          "variables": {"n": "ann@example.com"}},
    )  # fmt: skip

    [line] = read_log()
    assert line.pop("ms") >= 0
    assert line.pop("timestamp")
    assert line == {
        "event": "operation",
        "level": "info",
        "name": "Greeting",
        "type": "query",
        "outcome": "errors",
        "codes": ["UNAUTHENTICATED"],
        "transport": "http",
        "request_id": response.headers["x-request-id"],
    }


async def test_the_line_is_the_one_that_structlog_would_write(
    client: httpx.AsyncClient, read_log: ReadLog
) -> None:
    read_log()

    await client.post("/graphql", json={"query": "{ hello }"})
    structlog.get_logger("onsale.tests").info("operation", request_id="x")

    ours, structlogs = read_log()
    for key in ("event", "level"):
        assert ours[key] == structlogs[key]
    for line in (ours, structlogs):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", line["timestamp"])


async def test_for_people_an_operation_is_a_line_like_all_others(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(LogFormat.CONSOLE)
    capsys.readouterr()

    await client.post("/graphql", json={"query": "query Greeting { hello }"})

    [line] = capsys.readouterr().err.splitlines()
    assert "[info" in line
    assert "name=Greeting" in line


async def test_lines_stay_in_their_order_and_come_in_the_same_turn(read_log: ReadLog) -> None:
    read_log()

    log_fact("first", {})
    log_fact("second", {})
    structlog.get_logger("onsale.tests").info("third")
    log_fact("fourth", {})
    await asyncio.sleep(0)

    assert [line["event"] for line in read_log()] == ["first", "second", "third", "fourth"]


def test_without_an_event_loop_a_line_is_written_at_once(read_log: ReadLog) -> None:
    read_log()

    log_fact("alone", {"n": 1})

    [line] = read_log()
    assert (line["event"], line["n"]) == ("alone", 1)


async def test_a_mutation_that_is_late_is_a_line_when_it_is_answered_and_one_at_its_end(
    client: httpx.AsyncClient, server: TinyServer, read_log: ReadLog
) -> None:
    read_log()

    await client.post("/graphql", json={"query": "mutation Late { finish }"}, timeout=4)
    server.stage.gate.set()
    await server.operations.finish()

    answered, ended = read_log()
    assert answered["codes"] == ["TIMEOUT"]
    assert (ended["name"], ended["outcome"]) == ("Late", "ok")
    assert ended["request_id"] == answered["request_id"]


async def test_a_subscription_is_a_line_at_its_start_and_one_at_its_end(
    server: TinyServer, read_log: ReadLog
) -> None:
    read_log()

    async with opened(server) as client:
        await client.initialise()
        await client.subscribe("a", "subscription Count { numbers(to: 2) { value } }")
        for _ in range(3):
            await client.receive()

    started, ended = read_log()
    assert (started["event"], ended["event"]) == ("subscription started", "subscription ended")
    assert started["name"] == ended["name"] == "Count"
    assert started["request_id"] == ended["request_id"]
    assert (ended["messages"], ended["outcome"]) == (2, "ok")


async def test_a_fault_of_ours_is_logged_once_with_its_traceback(
    client: httpx.AsyncClient, read_log: ReadLog
) -> None:
    read_log()

    response = await client.post("/graphql", json={"query": "{ boom }"})

    fault, operation = read_log()
    assert fault["level"] == "error"
    assert "in boom" in fault["exception"]
    assert fault["path"] == ["boom"]
    assert fault["request_id"] == operation["request_id"] == response.headers["x-request-id"]
    assert operation["codes"] == ["INTERNAL_ERROR"]


async def test_mistakes_of_users_leave_no_traceback(
    client: httpx.AsyncClient, read_log: ReadLog
) -> None:
    read_log()

    for query in ("{", "{ nothing }", "{ needsBuyer }", "query($n: String!) { hello(name: $n) }"):
        await client.post("/graphql", json={"query": query})

    assert all(line["level"] == "info" and "exception" not in line for line in read_log())


async def test_no_token_address_or_value_of_a_variable_is_ever_logged(
    server: TinyServer, client: httpx.AsyncClient, read_log: ReadLog
) -> None:
    token = server.tokens.issue(Buyer(id=uuid4(), is_guest=True)).token
    headers = {"authorization": f"Bearer {token}", "cookie": f"onsale_session={token}"}
    query = "query($n: String!) { hello(name: $n) boom who }"

    await client.post(
        "/graphql", json={"query": query, "variables": {"n": "a-value"}}, headers=headers
    )
    await client.get("/graphql", params={"query": query, "variables": '{"n":"a-value"}'})
    await client.post(
        "/graphql", json={"query": "{ who }"}, headers={"authorization": f"Bearer {token}x"}
    )
    async with opened(server, Authorization=f"Bearer {token}") as socket:
        await socket.initialise({"token": token})
        await socket.subscribe("a", query, variables={"n": "a-value"})
        await socket.receive()

    logged = json.dumps(read_log())
    for secret in (token, token.split(".")[1], "ann@example.com", "a-value", "onsale_session"):
        assert secret not in logged
    assert "RuntimeError" in logged


def test_a_logger_that_has_written_follows_a_new_format(
    read_log: ReadLog, capsys: pytest.CaptureFixture[str]
) -> None:
    log = structlog.get_logger("onsale.tests")
    configure_logs(LogFormat.CONSOLE)
    log.info("for people")
    assert "[info" in capsys.readouterr().err

    configure_logs(LogFormat.JSON)
    log.info("for machines")

    [line] = read_log()
    assert line["event"] == "for machines"


async def test_tracebacks_do_not_show_the_values_of_variables(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(LogFormat.CONSOLE)

    await client.post("/graphql", json={"query": "{ boom }", "operationName": None})

    logged = capsys.readouterr().err
    assert "in boom" in logged
    assert "locals" not in logged
    assert SECRET in logged  # The message itself is the programmer's to keep clean …
    assert "ann@example.com" not in logged  # … but addresses are blanked out anyway.


def test_other_libraries_write_the_same_lines_and_no_urls_of_sockets(read_log: ReadLog) -> None:
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "::1", "/?token=x")
    logging.getLogger("uvicorn.access").info("GET /?token=x")
    logging.getLogger("elsewhere").warning("postgresql://me:secret@host/db does not answer")

    started, warned = read_log()
    assert started["event"] == "Started server process [7]"
    assert warned["event"] == "postgresql://[hidden]@host/db does not answer"
    assert warned["level"] == "warning"
