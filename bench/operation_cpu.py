"""The CPU of one operation in our own transport, without a socket or a database.

To compare two commits, run it in turns in a checkout of each: `python -m bench.operation_cpu`.
The least of several rounds counts; the machine adds to it and never takes from it. All ask the
same, so what a body asks is known (`onsale.graphql.known_queries`).
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from joserfc.jwk import OKPKey
from rich.console import Console

from onsale.graphql.entrance import Entrance
from onsale.graphql.http import GraphQLOverHTTP
from onsale.graphql.operations import Operations
from onsale.graphql.origins import Origins
from onsale.identity import Tokens
from onsale.logs import configure_logs
from onsale.settings import LogFormat
from schema.context import Buyer
from tests.transport.tiny import Stage, TinyContext, tiny_schema

ROUNDS, OPERATIONS, BUYERS = 8, 2_000, 200
BODY = json.dumps(
    {
        "query": "query Q($n: String!) { hello(name: $n) number { value inner { value } } who }",
        "variables": {"n": "Ann"},
    }
).encode()


def main() -> None:
    """Measure, and print the microseconds of an operation."""
    configure_logs(LogFormat.JSON)
    said, sys.stderr = sys.stderr, open(os.devnull, "w")  # noqa: SIM115, PTH123 - to the end.
    least = asyncio.run(measure())
    sys.stderr = said
    Console(highlight=False).print(f"{least * 1e6:.0f} µs of CPU an operation")


async def measure() -> float:
    """Give the least seconds of CPU that an operation took on average in any round."""
    tokens = Tokens(OKPKey.generate_key("Ed25519"))
    stage = Stage()
    app = GraphQLOverHTTP(
        Entrance(
            Operations(tiny_schema),
            lambda visitor, request_id: TinyContext(stage, visitor, request_id),
            tokens,
            Origins(),
        )
    )
    scopes = list(_scopes(tokens))
    return min([await _round(app, scopes) for _ in range(ROUNDS)])


async def _round(app: GraphQLOverHTTP, scopes: list[dict[str, Any]]) -> float:
    began = time.process_time()
    for number in range(OPERATIONS):
        status = await _ask(app, scopes[number % len(scopes)])
        assert status == 200, "only answers are measured"  # noqa: PLR2004 - HTTP's word for it.
    return (time.process_time() - began) / OPERATIONS


async def _ask(app: GraphQLOverHTTP, scope: dict[str, Any]) -> int:
    sent: list[Any] = []
    requests = [{"type": "http.request", "body": BODY, "more_body": False}]

    async def receive() -> Any:
        return requests.pop() if requests else await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(dict(scope), receive, send)
    status: int = sent[0]["status"]
    return status


def _scopes(tokens: Tokens) -> Iterator[dict[str, Any]]:
    """Come as many buyers, from an address that has a budget."""
    for port, headers in enumerate(requests_of_buyers(tokens)):
        yield {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "scheme": "http",
            "client": ("203.0.113.7", port),
            "headers": headers,
        }


def requests_of_buyers(tokens: Tokens) -> Iterator[list[tuple[bytes, bytes]]]:
    """Give the headers of as many buyers."""
    for _ in range(BUYERS):
        token = tokens.issue(Buyer(id=uuid4(), is_guest=True)).token
        yield [
            (b"host", b"tickets.example"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(BODY)).encode()),
            (b"authorization", f"Bearer {token}".encode()),
        ]


if __name__ == "__main__":
    main()
