"""The public API over HTTP, as a program at the other end of a network knows it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import cycle
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx

from onsale.settings import StartError
from onsale.simulating.documents import DOCUMENTS
from onsale.simulating.record import Span
from onsale.simulating.tally import Tally

ANSWER_SECONDS_MAX = 30.0
#: A server that answers nobody for so long does not come back while anybody waits.
AWAY_SECONDS_MAX = 4.0
REPEAT_AFTER_SECONDS = 0.3
#: httpx looks through all of a client's connections for each request: several look through few.
CLIENTS = 10
CONNECTIONS_PER_CLIENT_MAX = 20
#: Shorter than any server's: no request is sent into a line that the other side just closes.
KEEP_ALIVE_SECONDS = 2.0


class Unexpected(Exception):  # noqa: N818 - named for what happened.
    """An answer that no client of ours may get."""


class ServerGone(Exception):  # noqa: N818 - named for what happened.
    """The server has not answered for seconds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave."""

    data: dict[str, Any]
    told: Span
    #: An answer to it was lost before: whatever it does may have been done twice.
    repeated: bool


class Api:
    """A server's API. Every call is timed, and repeated while its answer does not come."""

    def __init__(self, url: str, clients: list[httpx.AsyncClient], tally: Tally) -> None:
        self.url = url
        self.tally = tally
        self._clients = cycle(clients)
        self._answered_at = monotonic()

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, tally: Tally) -> AsyncIterator["Api"]:
        """Keep connections for as long as the block lasts. Nothing is asked yet."""
        clients = [_client(url) for _ in range(CLIENTS)]
        try:
            yield cls(url, clients, tally)
        finally:
            for client in clients:
                await client.aclose()

    async def ask(self, name: str, token: str = "", **variables: Any) -> dict[str, Any]:
        """Ask for something, and give the answer's data. Raises Unexpected or ServerGone."""
        return (await self.call(name, token, **variables)).data

    async def call(self, name: str, token: str = "", **variables: Any) -> Answer:
        """Ask for something, and tell as well whether it had to be asked twice."""
        asked = monotonic()
        body = {"query": DOCUMENTS[name], "variables": variables}
        headers = {"authorization": f"Bearer {token}"} if token else {}
        response, repeated = await self._send(name, "POST", "/graphql", json=body, headers=headers)
        try:
            told = response.json()
        except ValueError:
            told = None
        if not isinstance(told, dict) or response.status_code != httpx.codes.OK:
            raise self._unexpected(f"{name}: HTTP {response.status_code}{_codes(told)}", told)
        if "errors" in told or not isinstance(told.get("data"), dict):
            raise self._unexpected(f"{name}:{_codes(told) or ' an answer without data'}", told)
        return Answer(told["data"], Span(asked, monotonic()), repeated)

    async def fetch(self, path: str) -> Any:
        """Get a file, such as a layout."""
        response, _ = await self._send("layout", "GET", path)
        if response.status_code != httpx.codes.OK:
            raise self._unexpected(f"{path}: HTTP {response.status_code}")
        return response.json()

    async def _send(
        self, name: str, method: str, path: str, **how: Any
    ) -> tuple[httpx.Response, bool]:
        """Send a request, and again while no answer comes: calls may be repeated."""
        repeated = False
        while True:
            began = monotonic()
            try:
                response = await next(self._clients).request(method, path, **how)
            except httpx.HTTPError as fault:
                self.tally.unanswered += 1
                if monotonic() - self._answered_at > AWAY_SECONDS_MAX:
                    raise ServerGone(f"{self.url} does not answer any more") from fault
                repeated = True
                await asyncio.sleep(REPEAT_AFTER_SECONDS)
            else:
                self._answered_at = monotonic()
                self.tally.seconds[name].append(self._answered_at - began)
                return response, repeated

    def _unexpected(self, line: str, told: Any = None) -> Unexpected:
        self.tally.unexpected[line] += 1
        for extensions in _extensions(told):
            if request_id := extensions.get("requestId"):
                self.tally.request_ids[line] = str(request_id)
        return Unexpected(line)


def read_url(url: str) -> str:
    """Take a server's address as people type it. Raises StartError."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise StartError(f"--url: {url!r} must look like http://127.0.0.1:8000")
    return f"{parts.scheme}://{parts.netloc}"


async def make_sure_it_answers(url: str) -> None:
    """Knock once, before a whole crowd does. Raises StartError."""
    try:
        async with _client(url) as client:
            response = await client.get("/healthz")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
        reason = str(fault) or type(fault).__name__
        raise StartError(
            f"{url} does not answer: {reason}. Start a server with `make run`, or name one by --url"
        ) from None
    if response.status_code != httpx.codes.OK:
        raise StartError(
            f"{url}/healthz answers HTTP {response.status_code}: that is no onsale, or it is down."
        )


def _client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        timeout=httpx.Timeout(ANSWER_SECONDS_MAX, pool=None),
        limits=httpx.Limits(
            max_connections=CONNECTIONS_PER_CLIENT_MAX, keepalive_expiry=KEEP_ALIVE_SECONDS
        ),
        # Buyers send tokens. A cookie would make one buyer of all who share a client.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        trust_env=False,  # The server itself is meant, and no proxy before it.
        verify=url.startswith("https:"),  # Loading certificates takes a while.
    )


def _codes(told: Any) -> str:
    """Say what top-level errors there are."""
    found = {str(extensions.get("code", "an error")) for extensions in _extensions(told)}
    return f" {', '.join(sorted(found))}" if found else ""


def _extensions(told: Any) -> list[dict[str, Any]]:
    """Give what each top-level error has for programs, whatever a server may answer."""
    errors = told.get("errors") if isinstance(told, dict) else None
    if not isinstance(errors, list):
        return []
    given = [error.get("extensions") if isinstance(error, dict) else None for error in errors]
    return [each if isinstance(each, dict) else {} for each in given]
