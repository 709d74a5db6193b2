"""R4: no request body, header or frame yields a 5xx, a 1006, a 1011, a traceback or a leak.

Hypothesis sends what no client should; `tests.conformance.fuzzing` says how much of it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given

from onsale.embedded import Services
from tests.conformance.corpus import BODIES
from tests.conformance.corpus_http import (
    HTTP_REQUESTS,
    JSON_HEADER,
    NO_HANDSHAKES,
    NO_REQUESTS,
    RawRequest,
    chunked,
    framed,
)
from tests.conformance.corpus_sockets import (
    FRAMES,
    KNOWN_FRAMES,
    RESTS,
    SUBSCRIPTION,
    conversations,
)
from tests.conformance.fuzzing import (
    EXAMPLES,
    SEED,
    check_answer,
    check_errors,
    check_payload,
    fuzzed,
)
from tests.conformance.house import House, demo_house
from tests.conformance.settling import at_rest, unburdened
from tests.conformance.wire import (
    CLOSE,
    PONG,
    TEXT,
    Frame,
    RawSocket,
    exchange,
    frame,
    raw_socket,
)

#: "The line broke", which no frame may say, and "a fault of ours".
UNFAIR_CLOSE_CODES = {1006, 1011}
#: For a message that is too large or no text, and those of graphql-transport-ws.
PROTOCOL_CLOSE_CODES = {1007, 1009, 4400, 4401, 4403, 4408, 4409, 4429}
ROUNDS = 10
#: Of some 500 requests, and of 10 sockets that were dropped in the middle of a subscription.
GROWTH_PER_REPLAY_BYTES_MAX = 4 << 20
LAST_QUESTION = {"id": "last", "type": "subscribe", "payload": {"query": "{ __typename }"}}


@pytest.fixture(scope="module")
def house(
    services: Services, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with demo_house(services, template, tmp_path_factory.mktemp("fuzzed")) as house:
        yield house


@pytest.fixture(scope="module", autouse=True)
def _say_how_to_repeat_it() -> None:
    print(f"FUZZ_SEED={SEED} FUZZ_EXAMPLES={EXAMPLES}")  # noqa: T201 - shown with what fails.


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(house: House) -> Iterator[None]:
    with unburdened(house.server):
        yield


def ask(house: House, request: RawRequest) -> None:
    """Send one request; it is answered as R4 demands."""
    sent = request.encode()
    answer = exchange(house.server.port, sent, request.method, then_leave=not request.is_whole)
    if not request.is_whole and answer is None:
        return  # Nobody is answered who leaves in the middle of a question.
    assert answer is not None, "the server hung up"
    if request.method == "HEAD":
        assert answer.status < 500, answer
    else:
        check_answer(answer)


@pytest.mark.parametrize("send", [framed, chunked])
def test_r4_no_known_malformed_body_breaks_the_server(
    house: House, send: Callable[..., RawRequest]
) -> None:
    for body in BODIES:
        ask(house, send("POST", "/graphql", (JSON_HEADER,), body))


def test_r4_no_http_request_breaks_the_server(house: House) -> None:
    @fuzzed(times=5)
    @given(request=HTTP_REQUESTS)
    def send(request: RawRequest) -> None:
        ask(house, request)

    send()


def test_r4_what_is_no_http_is_a_400_in_json_or_nothing(house: House) -> None:
    @fuzzed(times=3)
    @given(sent=NO_REQUESTS)
    def send(sent: bytes) -> None:
        answer = exchange(house.server.port, sent, then_leave=True)
        if answer is not None:
            check_answer(answer)

    send()


@pytest.mark.parametrize("sent", NO_HANDSHAKES)
def test_r4_what_is_no_handshake_is_refused(house: House, sent: bytes) -> None:
    answer = exchange(house.server.port, sent, "GET", then_leave=True)

    assert answer is not None
    assert 400 <= answer.status < 500, answer


def test_r4_no_conversation_over_a_socket_breaks_the_server(house: House) -> None:
    @fuzzed(times=5)
    @given(frames=conversations(house.event_id))
    def talk(frames: list[bytes]) -> None:
        with raw_socket(house.server.port) as client:
            for sent in frames:
                client.send(sent)
            client.say({"type": "connection_init"})  # Perhaps a second time: then it is closed on.
            client.say(LAST_QUESTION)
            check_conversation(client.frames(), client)

    talk()


@pytest.mark.parametrize("sent", KNOWN_FRAMES, ids=lambda sent: sent[:20].hex())
def test_r4_no_frame_that_broke_a_server_breaks_this_one(house: House, sent: bytes) -> None:
    with raw_socket(house.server.port) as client:
        client.send(sent)
        received = list(until_closed(client))

    check_frames(received)
    assert received[-1].opcode == CLOSE, "the server hung up without a word"


def until_closed(client: RawSocket) -> Iterator[Frame]:
    """Read until the server closes, and do not wait for it to hang up, too."""
    for received in client.frames():
        yield received
        if received.opcode == CLOSE:
            return


def test_r4_no_frame_breaks_the_server(house: House) -> None:
    @fuzzed(times=5)
    @given(sent=FRAMES, rest=RESTS)
    def talk(sent: bytes, rest: bytes) -> None:
        with raw_socket(house.server.port) as client:
            client.send(sent + rest)
            if rest:
                client.leave()  # In the middle of a frame: no close is owed.
            else:
                client.send(frame(CLOSE, b"\x03\xe8"))
            received = list(client.frames())
            check_frames(received)
            assert rest or received[-1].opcode == CLOSE, "the server hung up without a word"

    talk()


def test_r4_a_server_that_knows_it_all_grows_no_more(house: House) -> None:
    def replay() -> int:
        for _ in range(ROUNDS):
            for body in BODIES:
                ask(house, framed("POST", "/graphql", (JSON_HEADER,), body))
            with raw_socket(house.server.port) as client:
                follow(client, house.event_id)
        return at_rest(house.server).memory_bytes

    known = replay()
    again = replay()

    assert again - known < GROWTH_PER_REPLAY_BYTES_MAX


def test_what_is_left_open_is_seen(house: House) -> None:
    before = at_rest(house.server)

    with raw_socket(house.server.port) as client:
        follow(client, house.event_id)
        during = house.server.burden()

    assert during.connections >= 1
    assert during.subscriptions == 1
    assert during.tasks > before.tasks


def follow(client: RawSocket, event_id: str) -> None:
    """Subscribe, and wait for the first message."""
    client.say({"type": "connection_init"})
    payload = {"query": SUBSCRIPTION, "variables": {"e": event_id}}
    client.say({"id": "1", "type": "subscribe", "payload": payload})
    frames = client.frames()
    assert [next(frames).message["type"] for _ in range(2)] == ["connection_ack", "next"]


def check_conversation(frames: Iterator[Frame], client: RawSocket) -> None:
    """Read until the last question is answered, or the server closes for a reason."""
    for received in frames:
        check_frames([received])
        if received.opcode == CLOSE:
            assert received.close_code in PROTOCOL_CLOSE_CODES, received
            return
        if received.message.get("id") == LAST_QUESTION["id"]:
            client.send(frame(CLOSE, b"\x03\xe8"))
            return
    raise AssertionError("the server hung up without a word")


def check_frames(frames: list[Frame]) -> None:
    """Hold what a server sends to R4: messages of the protocol, and fair closes."""
    for received in frames:
        assert received.opcode in {TEXT, PONG, CLOSE}, received
        if received.opcode == CLOSE:
            assert received.close_code not in UNFAIR_CLOSE_CODES, received
        elif received.opcode == TEXT:
            check_message(received.message)


def check_message(message: Any) -> None:
    """Hold one message to R4."""
    assert message["type"] in {"connection_ack", "next", "error", "complete", "pong"}, message
    if message["type"] == "error":
        check_errors(message["payload"])
    elif message["type"] == "next":
        check_payload(message["payload"])
