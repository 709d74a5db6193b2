"""A client of graphql-transport-ws that says one thing after the other, right or wrong."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.conformance.house import HouseServer

PROTOCOL = "graphql-transport-ws"
SECONDS_MAX = 15.0

FOLLOW = """subscription ($event: ID!, $since: Int) {
  seatAvailability(eventId: $event, sinceVersion: $since) {
    __typename
    ... on AvailabilitySnapshot { availability { version states available } }
    ... on AvailabilityDelta { fromVersion version available changes { index status } }
    ... on AvailabilityStale { version }
  }
}"""


class Talker:
    """One socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, message: Any) -> None:
        """Send one message."""
        self.connection.send(json.dumps(message))

    def hear(self) -> Any:
        """Receive one message."""
        frame = self.connection.recv(SECONDS_MAX)
        assert isinstance(frame, str), "frames are text"
        return json.loads(frame)

    def introduce(self, token: str | None = None) -> None:
        """Begin as every client does."""
        payload = {"payload": {"token": token}} if token else {}
        self.say({"type": "connection_init", **payload})
        assert self.hear() == {"type": "connection_ack"}

    def subscribe(self, name: str, query: str, **variables: Any) -> None:
        """Begin an operation."""
        payload = {"query": query, "variables": variables}
        self.say({"id": name, "type": "subscribe", "payload": payload})

    def next_of(self, name: str) -> Any:
        """Receive the next message, which must be of this subscription."""
        message = self.hear()
        assert (message["type"], message["id"]) == ("next", name), message
        return message["payload"]["data"]

    def ask(self, query: str, **variables: Any) -> Any:
        """Ask for something while nothing else is under way."""
        name = uuid4().hex
        self.subscribe(name, query, **variables)
        data = self.next_of(name)
        assert self.hear() == {"id": name, "type": "complete"}
        return data

    def close_code(self) -> int:
        """Wait until the server closes, whatever it says before."""
        with suppress(ConnectionClosed):
            while True:
                self.connection.recv(SECONDS_MAX)
        assert self.connection.close_code is not None
        return self.connection.close_code


@contextmanager
def talking(
    server: HouseServer,
    *protocols: str,
    headers: Mapping[str, str] | None = None,
    deflate: bool = False,
) -> Iterator[Talker]:
    """Open a socket; without protocols, with the one that is spoken."""
    with connect(
        server.socket_url,
        subprotocols=[Subprotocol(name) for name in protocols or (PROTOCOL,)],
        additional_headers=headers,
        compression="deflate" if deflate else None,
    ) as connection:
        yield Talker(connection)
