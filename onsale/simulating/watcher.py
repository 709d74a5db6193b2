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
#: How much is quoted of what should have been news.
QUOTED_CHARACTERS_MAX = 200
#: What it raises to read anything else as news.
NO_NEWS = (LookupError, TypeError, ValueError)


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
        self._is_cut_off = False

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
            self._is_cut_off = self.messages > 0
            await asyncio.sleep(RECONNECT_AFTER_SECONDS)

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
        """Hear until there is no more to be heard here."""
        async for text in socket:
            try:
                await self._hear(json.loads(text), socket)
            except NO_NEWS:
                self._fault(f"was sent {text[:QUOTED_CHARACTERS_MAX]!r} instead of news")
                self.version = -1  # Nobody knows how much of it was taken: begin anew.
                return

    async def _hear(self, frame: dict[str, Any], socket: ClientConnection) -> None:
        """Do what a frame says. Raises one of NO_NEWS."""
        match frame["type"]:
            case "next" if "errors" not in frame["payload"]:
                self.take(frame["payload"]["data"]["seatAvailability"])
            case "ping":
                await socket.send(json.dumps({"type": "pong"}))
            case "connection_ack":
                pass
            case other:
                raise ValueError(f"{other} tells nothing new")

    def take(self, message: dict[str, Any]) -> None:
        """Do what a message says. Raises one of NO_NEWS."""
        self.messages += 1
        self.resumed += self._is_cut_off
        self._is_cut_off = False
        match message["__typename"]:
            case "AvailabilitySnapshot":
                self._take_all(message["availability"])
            case "AvailabilityDelta":
                self._take_changes(message)
            case "AvailabilityStale":
                return  # What is shown may be behind, and the next delta ends that.
            case other:
                raise ValueError(f"there is no {other}")
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
