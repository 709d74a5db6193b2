"""Whoever speaks no HTTP is refused in JSON, too.

Such bytes never reach the application: uvicorn refuses them itself, in plain text.
"""

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from onsale.graphql.errors import plain_error
from schema.errors import ErrorCode

HEAD = (
    b"HTTP/1.1 400 Bad Request\r\n"
    b"content-type: application/json; charset=utf-8\r\n"
    b"cache-control: no-store\r\n"
    b"connection: close\r\n"
    b"content-length: %d\r\n\r\n"
)


class JsonRefusals(HttpToolsProtocol):
    """Uvicorn's protocol, with our words where it gives up."""

    def send_400_response(self, msg: str) -> None:
        """Say what all other answers say, and hang up."""
        body = orjson.dumps({"errors": [plain_error(ErrorCode.BAD_REQUEST, msg)]})
        self.transport.write(HEAD % len(body) + body)
        self.transport.close()
