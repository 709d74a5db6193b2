"""Everything that can go wrong, made to go wrong on a whole server, and what is then told."""

import asyncio
import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from schema.ids import NodeKind, encode_id
from tests.conformance.venue import Asker, Venue

TRUSTED = "{ eventTypes { key } }"
#: 100 events with 100 price levels each, and with 20,000 seats each.
DEAR = "{ events(first: 100) { nodes { priceLevels { id name color } performers { id name } } } }"
TOO_DEAR = "{ events(first: 100) { nodes { seats { id } } } }"
FOLLOW = 'subscription { seatAvailability(eventId: "%s") { __typename } }'
RESERVE = (
    'mutation { reserveSeats(input: {eventId: "x", seatIndexes: [1]}) { errors { __typename } } }'
)
SESSION = "mutation { startGuestSession { token } }"
OPERATIONS_MAX = 100
ATTEMPTS_MAX = 20
STOP_AGAIN_SECONDS = 0.05


@dataclass
class Told:
    """What a client was told: over HTTP with a status and headers, over a socket without."""

    status: int | None
    errors: list[dict[str, Any]]
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, response: httpx.Response) -> "Told":
        return cls(response.status_code, response.json()["errors"], dict(response.headers))

    @property
    def codes(self) -> set[str]:
        return {error["extensions"]["code"] for error in self.errors}


@dataclass(frozen=True)
class Scene:
    """An open server, one that is locked to a manifest, and somebody who asks both."""

    venue: Venue
    locked: Venue
    asker: Asker
    stranger: Asker
    #: What the locked server says when its database is silent, some ten seconds later.
    late: Future[list[Told]]

    def post(self, body: Any, path: str = "/graphql", **headers: str) -> Told:
        """Send JSON to the open server."""
        return Told.of(self.asker.client.post(path, json=body, headers=headers))

    def ask(self, query: str, **variables: Any) -> Told:
        """Send an operation to the open server."""
        return self.post({"query": query, "variables": variables})


def manifest(folder: Path) -> Path:
    """Write down the documents that the locked server knows."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({hashlib.sha256(TRUSTED.encode()).hexdigest(): TRUSTED}))
    return path


def persisted(sha: str = "0" * 64) -> dict[str, Any]:
    """Name a document by its hash."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha}}}


def bad_requests(scene: Scene) -> Iterator[Told]:
    """Send what no client of GraphQL sends."""
    client = scene.asker.client
    json_type = {"content-type": "application/json"}
    for body in (b"", b"{", b"[]", b"5", b'"x"', b"null", b"\xff", b'{"query": 5}', b"[" * 5_000):
        yield Told.of(client.post("/graphql", content=body, headers=json_type))
    yield Told.of(client.post("/graphql", content=b"{}", headers={"content-type": "text/plain"}))
    yield Told.of(client.post("/graphql", json={"query": "{ x }" + " " * 100_000}))
    yield Told.of(client.delete("/graphql"))
    yield Told.of(client.get("/graphql", headers={"accept": "image/png"}))
    yield Told.of(client.get("/nowhere/../../etc/passwd"))
    yield scene.post({"query": "{ x }", "variables": "SELECT 1"})
    yield scene.ask('{ event(by: {slug: "\\u0000"}) { id } }')


def bad_documents(scene: Scene) -> Iterator[Told]:
    """Send documents that cannot be read, are wrong, or ask too much."""
    yield scene.ask("{ events( }")
    yield scene.ask("query { ... on }")
    yield scene.ask("{ eventz { id } }")
    yield scene.ask("query ($x: Nothing) { event(by: $x) { id } }")
    yield scene.ask("{ event(by: {}) { id } }")
    yield scene.ask("query A { eventTypes { key } } query B { eventTypes { key } }")
    yield scene.post({"query": "query A { eventTypes { key } }", "operationName": "B"})
    yield scene.ask(f"{{ {' '.join(f'a{n}: eventTypes {{ key }}' for n in range(16))} }}")
    yield scene.ask("{" * 500)
    yield scene.ask(f"{{ {'__typename ' * 2_100} }}")
    yield scene.ask(TOO_DEAR)


def unknown_documents(scene: Scene) -> Iterator[Told]:
    """Name documents that a server does not know, or may not run."""
    locked = scene.locked.asker("somebody").client
    yield scene.post(persisted())
    yield Told.of(locked.post("/graphql", json=persisted()))
    yield Told.of(locked.post("/graphql", json={"query": "{ eventTypes { name } }"}))


def other_transports(scene: Scene) -> Iterator[Told]:
    """Send operations the wrong way."""
    yield scene.ask(FOLLOW % scene.venue.event_id)
    yield Told.of(scene.asker.client.get("/graphql", params={"query": SESSION}))


def bad_values(scene: Scene) -> Iterator[Told]:
    """Send values that are not what is asked for."""
    yield scene.ask("{ events(first: 101) { totalCount } }")
    yield scene.ask('{ events(after: "x\'; DROP TABLE events; --") { totalCount } }')
    yield scene.ask('{ events(filter: {performerId: "x"}) { totalCount } }')
    yield scene.ask('{ events(filter: {search: "a b c d e f g h i j k"}) { totalCount } }')
    for value in ("2026-11-20T19:30:00", "NaN", 5, None, {"a": 1}, ["/etc/passwd"], "\ud800"):
        asked = {"startsFrom": value, "search": value}
        yield from _tolerated(scene, asked)
    yield from socket_errors(scene, [FOLLOW % "no id", FOLLOW % encode_id(NodeKind.EVENT, uuid4())])


def _tolerated(scene: Scene, asked: dict[str, Any]) -> Iterator[Told]:
    """Ask with a variable; what JSON itself cannot say is no request."""
    document = "query ($filter: EventFilter) { events(filter: $filter) { totalCount } }"
    body = {"query": document, "variables": {"filter": asked}}
    content = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    response = scene.asker.client.post("/graphql", content=content, headers=headers)
    if "errors" in response.json():
        yield Told.of(response)


def unknown_people(scene: Scene) -> Iterator[Told]:
    """Ask for what needs a buyer, without a token or with a bad one."""
    yield scene.ask(RESERVE)
    for token in ("x", "eyJhbGciOiJub25lIn0.e30.", "Bearer " * 50, scene.stranger.token or ""):
        yield scene.post({"query": TRUSTED}, authorization=f"Bearer {token}x")
    yield scene.post({"query": TRUSTED}, authorization="Basic eDp5")
    cookie = f"onsale_session={scene.stranger.token}"
    yield scene.post({"query": TRUSTED}, cookie=cookie, origin="https://evil.example")


def too_many_requests(scene: Scene) -> Iterator[Told]:
    """Ask more than one may, in a minute and on a socket."""
    for _ in range(20):
        response = scene.stranger.response(DEAR)
        if response.status_code != 200:
            yield Told.of(response)
            break
    following = [FOLLOW % scene.venue.event_id] * (OPERATIONS_MAX + 1)
    yield from socket_errors(scene, following)


def faults_of_ours(scene: Scene) -> Iterator[Told]:
    """Take a table away for a moment: PostgreSQL's complaint names it, and quotes the statement."""
    scene.venue.execute("ALTER TABLE event_types RENAME TO hidden")
    try:
        yield scene.ask(TRUSTED)
        yield from socket_errors(scene, [TRUSTED])
    finally:
        scene.venue.execute("ALTER TABLE hidden RENAME TO event_types")


def silence(locked: Venue) -> list[Told]:
    """Let a server's database fall silent, until the server says that this takes long."""
    client = locked.asker("somebody").client
    client.post("/graphql", json={"query": TRUSTED})  # It has a connection now.
    with silent(locked.database_url):
        for _ in range(ATTEMPTS_MAX):
            response = client.post("/graphql", json={"query": TRUSTED})
            if response.status_code != 200:  # Else it was answered over a new connection.
                return [Told.of(response)]
    return []


PROVOKERS: tuple[Callable[[Scene], Iterator[Told]], ...] = (
    bad_requests,
    bad_documents,
    unknown_documents,
    other_transports,
    bad_values,
    unknown_people,
    too_many_requests,
    faults_of_ours,
)


def provoked(scene: Scene) -> list[Told]:
    """Let everything go wrong."""
    told = [answer for provoke in PROVOKERS for answer in provoke(scene)]
    return told + scene.late.result()


def socket_errors(scene: Scene, documents: list[str]) -> Iterator[Told]:
    """Run operations over one socket, and give what comes of the last."""
    url, protocol = scene.venue.server.socket_url, Subprotocol("graphql-transport-ws")
    with connect(url, subprotocols=[protocol], compression=None) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        for number, document in enumerate(documents, 1):
            payload = {"query": document}
            socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
        wanted = str(len(documents))
        while (message := json.loads(socket.recv(timeout=10))).get("id") != wanted:
            pass
        payload = message["payload"]
        yield Told(None, payload if message["type"] == "error" else payload["errors"])


@contextmanager
def silent(database_url: str) -> Iterator[None]:
    """Stop the processes of PostgreSQL that serve a database, new ones too, and let them go on.

    Only those that wait for a client are stopped: they hold no lock that others need.
    """
    stopped: set[int] = set()
    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_stop_all(database_url, stopped, over)))
    thread.start()
    while not stopped:
        time.sleep(STOP_AGAIN_SECONDS)
    try:
        yield
    finally:
        over.set()
        thread.join()
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def _stop_all(database_url: str, stopped: set[int], over: threading.Event) -> None:
    watcher = await asyncpg.connect(database_url)
    while not over.is_set():
        idle = await watcher.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state = 'idle' AND wait_event = 'ClientRead'"
        )
        for row in idle:
            stopped.add(row["pid"])
            os.kill(row["pid"], signal.SIGSTOP)
        await asyncio.sleep(STOP_AGAIN_SECONDS)
    await watcher.close()


def codes_of(told: list[Told]) -> set[str]:
    """Name every code that was told."""
    return set().union(*(answer.codes for answer in told))
