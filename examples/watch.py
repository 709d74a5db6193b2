"""Tell what happens to an event's seats, as it happens: `python examples/watch.py EVENT_ID`."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

API = "ws://127.0.0.1:8000/graphql"
SEATS = """subscription Watch($event: ID!) { seatAvailability(eventId: $event) {
    ... on AvailabilitySnapshot { availability { version available } }
    ... on AvailabilityDelta { version available changes { index status } }
    ... on AvailabilityStale { since } } }"""


async def watch(event_id: str) -> None:
    """Subscribe, and print a line for each message: first a snapshot, then every change."""
    question = {"query": SEATS, "variables": {"event": event_id}}
    async with connect(API, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": question}))
        async for message in socket:
            if (told := json.loads(message))["type"] != "connection_ack":
                print("watch:", json.dumps(told["payload"]), flush=True)  # noqa: T201 - its purpose.


asyncio.run(watch(sys.argv[1]))
