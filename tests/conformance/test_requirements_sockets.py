"""R8, R14 and R15: sockets to the real server, how much they may do, and how they end.

That a reader who stops reading is cut off, and takes little memory until then, is shown in
tests/faults/test_reader.py and tests/faults/test_patience.py: it takes too long to be shown twice.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed, InvalidStatus

from onsale.embedded import Services
from onsale.identity import ALGORITHM
from onsale.serving import PING_EVERY_SECONDS, _configuration
from onsale.settings import Settings
from onsale.token_key import load_token_key
from tests.conformance.house import House, HouseServer, own_house
from tests.conformance.talker import FOLLOW, PROTOCOL, talking

MESSAGE_BYTES_MAX = 65_536
INIT_SECONDS_MAX = 5.0
OPERATIONS_MAX = 100
CONNECTIONS_MAX = 3
#: Far more than any client says at once, and than the second that it takes to say it allows.
MANY_MESSAGES = 1_000
STOP_SECONDS_MAX = 10.0
PAGE = "https://tickets.example"
#: Documentation addresses: nobody's.
ONE, ANOTHER = "192.0.2.1", "192.0.2.2"
RESERVE = """mutation ($event: ID!, $seats: [Int!]!) {
  reserveSeats(input: {eventId: $event, seatIndexes: $seats}) {
    reservation { id }
    errors { __typename }
  }
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def house(services: Services, template: str, folder: Path) -> Iterator[House]:
    settings = {
        "ONSALE_ALLOWED_ORIGINS": PAGE,
        "ONSALE_TRUSTED_PROXIES": "127.0.0.1",
        "ONSALE_CONNECTIONS_PER_ADDRESS": str(CONNECTIONS_MAX),
    }
    with own_house(services, template, folder, settings) as house:
        yield house
        assert house.server.complaints() == []


@pytest.mark.parametrize("offered", [["graphql-ws"], ["soap"], ["graphql-ws", "soap"]])
def test_r8_the_older_protocol_is_not_spoken(house: House, offered: list[str]) -> None:
    with talking(house.server, *offered) as client:
        assert client.connection.subprotocol is None
        assert client.close_code() == 4406


@pytest.mark.parametrize("offered", [[PROTOCOL, "graphql-ws"], ["graphql-ws", PROTOCOL]])
def test_r8_only_graphql_transport_ws_is_chosen(house: House, offered: list[str]) -> None:
    with talking(house.server, *offered) as client:
        assert client.connection.subprotocol == PROTOCOL
        client.introduce()


def test_r8_a_client_that_speaks_the_older_protocol_anyway_is_sent_away(house: House) -> None:
    with talking(house.server) as client:
        client.introduce()
        client.say({"id": "1", "type": "start", "payload": {"query": "{ __typename }"}})

        assert client.close_code() == 4400


def test_r14_who_does_not_introduce_themselves_within_five_seconds_is_sent_away(
    house: House,
) -> None:
    with talking(house.server) as client:
        began = time.monotonic()
        client.say({"type": "ping"})  # Talking is not enough.
        code = client.close_code()

    assert code == 4408
    assert INIT_SECONDS_MAX - 1 < time.monotonic() - began < INIT_SECONDS_MAX + 3


@pytest.mark.parametrize(("excess", "fate"), [(0, "pong"), (1, 1009)])
def test_r14_a_message_has_64_kilobytes_at_most(house: House, excess: int, fate: int | str) -> None:
    with talking(house.server) as client:
        client.introduce()
        client.connection.send('{"type":"ping"}'.ljust(MESSAGE_BYTES_MAX + excess))

        if isinstance(fate, str):
            assert client.hear() == {"type": fate}
        else:
            assert client.close_code() == fate


def test_r14_only_so_many_operations_run_on_one_socket(house: House) -> None:
    with talking(house.server) as client:
        client.introduce()
        for number in range(OPERATIONS_MAX + 1):
            client.subscribe(str(number), FOLLOW, event=house.event_id)
        told = [client.hear() for _ in range(OPERATIONS_MAX + 1)]

        [refused] = [message for message in told if message["type"] != "next"]
        assert (refused["type"], refused["id"]) == ("error", str(OPERATIONS_MAX))
        assert refused["payload"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS"
        client.say({"id": "0", "type": "complete"})
        client.subscribe("again", FOLLOW, event=house.event_id)
        assert client.next_of("again")


def test_r14_only_so_many_sockets_come_from_one_address(house: House) -> None:
    one, another = {"x-forwarded-for": ONE}, {"x-forwarded-for": ANOTHER}
    with (
        talking(house.server, headers=one) as first,
        talking(house.server, headers=one),
        talking(house.server, headers=one),
    ):
        with pytest.raises(InvalidStatus) as refusal, talking(house.server, headers=one):
            pass
        with talking(house.server, headers=another) as client:
            client.introduce()
        first.connection.close()
        with talking(house.server, headers=one) as client:
            client.introduce()

    assert refusal.value.response.status_code == 429


def test_r14_who_talks_without_end_is_sent_away(house: House) -> None:
    with talking(house.server) as client:
        client.introduce()
        with suppress(ConnectionClosed):
            for _ in range(MANY_MESSAGES):
                client.say({"type": "pong"})

        assert client.close_code() == 4429


def test_r14_the_server_pings_every_20_seconds_and_lets_go_of_who_does_not_answer() -> None:
    configured = _configuration(Starlette(), Settings())

    assert configured.ws_ping_interval == configured.ws_ping_timeout == PING_EVERY_SECONDS == 20


def test_r14_messages_are_not_deflated_even_for_who_would_like_it(house: House) -> None:
    with talking(house.server, deflate=True) as client:
        assert "sec-websocket-extensions" not in client.connection.response.headers  # type: ignore[union-attr]
        client.introduce()


def test_r14_a_socket_ends_with_its_token(house: House, folder: Path) -> None:
    key = load_token_key(Settings(data_dir=folder))
    soon = int(time.time()) + 2
    claims = {"sub": str(uuid4()), "guest": True, "iat": soon - 60, "exp": soon}
    token = jwt.encode({"alg": ALGORITHM}, claims, key, algorithms=[ALGORITHM])

    with talking(house.server) as client:
        client.introduce(token)
        code = client.close_code()

    assert code in {4401, 4403}
    assert soon - 1 < time.time() < soon + 5


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://tickets.example"])
def test_r14_a_page_of_a_foreign_origin_gets_a_403(house: House, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal, talking(house.server, headers={"origin": origin}):
        pass

    assert refusal.value.response.status_code == 403


def test_r14_a_page_of_an_allowed_origin_is_let_in(house: House) -> None:
    with talking(house.server, headers={"origin": PAGE}) as client:
        client.introduce()


@pytest.fixture
def leaving(house: House, folder: Path) -> Iterator[HouseServer]:
    """A second server over the same database, which is going to stop."""
    server = HouseServer(house.database_url, None, folder)
    server.start()
    yield server
    server.stop()
    assert server.complaints() == []


def test_r15_a_server_that_stops_lets_go_of_sockets_and_streams_and_no_version_is_lost(
    house: House, leaving: HouseServer
) -> None:
    asked = {"query": FOLLOW, "variables": {"event": house.event_id}}
    accept = {"accept": "text/event-stream"}
    with (
        talking(leaving) as client,
        httpx.stream("POST", leaving.graphql_url, json=asked, headers=accept) as stream,
    ):
        client.introduce()
        client.subscribe("1", FOLLOW, event=house.event_id)
        known = client.next_of("1")["seatAvailability"]["availability"]["version"]
        lines = stream.iter_lines()
        assert any("AvailabilitySnapshot" in line for line in lines)

        began = time.monotonic()
        os.kill(leaving.pid, signal.SIGTERM)
        code = client.close_code()
        rest = list(lines)
        ended = leaving.has_ended(STOP_SECONDS_MAX)
        took = time.monotonic() - began

    token = house.server.token()
    for seats in ([0], [1, 2]):
        reserved = house.ask(RESERVE, token, event=house.event_id, seats=seats).json()
        assert reserved["data"]["reserveSeats"]["errors"] == []
    leaving.start()
    with talking(leaving) as client:
        client.introduce()
        client.subscribe("1", FOLLOW, event=house.event_id, since=known)
        missed = client.next_of("1")["seatAvailability"]

    assert code == 1012
    assert "event: complete" not in rest, "the stream was not at its end, and clients come again"
    assert ended == 0
    assert took < STOP_SECONDS_MAX
    assert (missed["fromVersion"], missed["version"]) == (known, known + 2)
    assert sorted(change["index"] for change in missed["changes"]) == [0, 1, 2]
