"""Answers of HTTP as plain bytes: nothing is looked up, copied or checked that is known already."""

from dataclasses import dataclass

from starlette.types import Send

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Reply:
    """A whole answer. Its headers are ours, so nobody has to look whether they are well-formed."""

    status: int
    #: Without the length, which follows from the body.
    headers: Headers
    body: bytes

    async def send(self, send: Send) -> None:
        """Give it to any ASGI server."""
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})
