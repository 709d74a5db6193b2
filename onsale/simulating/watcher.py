"""A subscriber: follows the seat map live, and does with messages what any client must."""

import asyncio
import json
from collections import OrderedDict
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from onsale.simulating.documents import SUBSCRIPTION
from onsale.simulating.event import AVAILABLE, STATES, Event, unpack

PROTOCOL = Subprotocol("graphql-transport-ws")
#: Maps of so many last versions: while others go on buying, one of them is the audit's.
MAPS_KEPT_MAX = 50
RECONNECT_AFTER_SECONDS = 0.3
CONNECT_SECONDS_MAX = 10.0
#: Every second watcher's line breaks that often, and is taken up where it was.
BREAKS_MAX = 2
BREAK_AFTER_SECONDS = 2.0, 8.0


class Watcher:
    """One viewer's map, and what was wrong with what it was told."""

    def __init__(self, url: str, event: Event, number: int, seed: int) -> None:
        self.number = number
        self.version = -1
        self.states = bytearray()
        #: By version: the map as it was then.
        self.maps: OrderedDict[int, bytes] = OrderedDict()
        self.faults: list[str] = []
        self.messages = 0
        self.resumed = 0
        self._url = f"ws{url.removeprefix('http')}/graphql"
        self._event = event
        self._dice = Random(f"{seed}-watcher-{number}")  # noqa: S311 - it is to be repeatable.
        self._breaks = BREAKS_MAX if number % 2 else 0

    async def follow(self) -> None:
        """Follow until cancelled; a line that breaks is taken up again."""
        while True:
            patience = self._dice.uniform(*BREAK_AFTER_SECONDS) if self._breaks else None
            try:
                async with asyncio.timeout(patience):
                    await self._follow_once()
            except TimeoutError:
                self._breaks = max(self._breaks - 1, 0)  # Ours, or nobody answered.
            except (OSError, WebSocketException):
                pass  # The server broke it; the audit tells if it stays away.
            await asyncio.sleep(RECONNECT_AFTER_SECONDS)
            self.resumed += self.version >= 0

    async def _follow_once(self) -> None:
        """Keep one line: introduce, subscribe with the last version, and listen."""
        async with connect(
            self._url,
            subprotocols=[PROTOCOL],
            proxy=None,
            open_timeout=CONNECT_SECONDS_MAX,
            max_size=None,
        ) as socket:
            await socket.send(json.dumps({"type": "connection_init"}))
            variables: dict[str, Any] = {"event": self._event.id}
            if self.version >= 0:
                variables["since"] = self.version
            payload = {"query": SUBSCRIPTION, "variables": variables}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            await self._listen(socket)

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            frame = json.loads(text)
            match frame["type"]:
                case "next" if "errors" not in frame["payload"]:
                    self.take(frame["payload"]["data"]["seatAvailability"])
                case "ping":
                    await socket.send(json.dumps({"type": "pong"}))
                case "next" | "error" | "complete":
                    self._fault(f"was sent {text!r} instead of news")
                    return

    def take(self, message: dict[str, Any]) -> None:
        """Do what a message says."""
        self.messages += 1
        match message["__typename"]:
            case "AvailabilitySnapshot":
                self._take_all(message["availability"])
            case "AvailabilityDelta":
                self._take_changes(message)
            case _:
                return  # Stale: what is shown may be behind, and the next delta ends that.
        if self.states.count(AVAILABLE) != message.get("availability", message)["available"]:
            self._fault(f"counts other free seats than it is told at version {self.version}")
        self.maps[self.version] = bytes(self.states)
        while len(self.maps) > MAPS_KEPT_MAX:
            self.maps.popitem(last=False)

    def _take_all(self, shown: dict[str, Any]) -> None:
        if shown["version"] < self.version:
            self._fault(f"was taken back from version {self.version} to {shown['version']}")
        self.version = shown["version"]
        self.states = bytearray(unpack(shown["states"], shown["total"]))

    def _take_changes(self, delta: dict[str, Any]) -> None:
        if delta["fromVersion"] != self.version or delta["version"] < self.version:
            self._fault(
                f"is at version {self.version} and was told the changes from"
                f" {delta['fromVersion']} to {delta['version']}"
            )
        self.version = delta["version"]
        for change in delta["changes"]:
            self.states[change["index"]] = STATES[change["status"]]

    def _fault(self, line: str) -> None:
        self.faults.append(f"Subscriber {self.number} {line}.")
