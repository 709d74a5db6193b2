"""Seat maps' layouts as files that never change, so that any cache may keep them for ever."""

import asyncio
import gzip
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from box_office.database import Database
from box_office.published_seat_maps import layout_of
from onsale.graphql.errors import plain_error
from schema.errors import ErrorCode
from schema.ids import NodeKind, key_of

LAYOUT_CACHE_BYTES_MAX = 64 * 1024 * 1024
CACHE_CONTROL = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class LayoutFile:
    """A layout, plain and compressed."""

    content_hash: str
    plain: bytes
    packed: bytes

    @property
    def size(self) -> int:
        """How much memory it takes."""
        return len(self.plain) + len(self.packed)


class Layouts:
    """The layouts asked for last, each read from the database and compressed once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Least recently asked for first.
        self._known: OrderedDict[UUID, LayoutFile] = OrderedDict()
        self._bytes = 0

    async def get(self, seat_map_id: UUID) -> LayoutFile | None:
        """Give the file; None when there is no such seat map."""
        known = self._known.get(seat_map_id)
        if known is not None:
            self._known.move_to_end(seat_map_id)
            return known
        layout = await layout_of(self._database, seat_map_id)
        if layout is None:
            return None
        packed = await asyncio.to_thread(gzip.compress, layout.content, mtime=0)
        file = LayoutFile(layout.content_hash, layout.content, packed)
        self._keep(seat_map_id, file)
        return file

    def _keep(self, seat_map_id: UUID, file: LayoutFile) -> None:
        if seat_map_id in self._known:
            return  # Somebody who asked at the same time was quicker.
        self._known[seat_map_id] = file
        self._bytes += file.size
        while self._bytes > LAYOUT_CACHE_BYTES_MAX:
            _, forgotten = self._known.popitem(last=False)
            self._bytes -= forgotten.size


async def serve_layout(layouts: Layouts, request: Request) -> Response:
    """Answer `GET /layouts/{id}-{hash}.json`, the id as the API gives it."""
    seat_map, _, content_hash = str(request.path_params["name"]).rpartition("-")
    seat_map_id = key_of(seat_map, NodeKind.SEAT_MAP)
    file = None if seat_map_id is None else await layouts.get(seat_map_id)
    if file is None or file.content_hash != content_hash:
        message = "There is no such layout. Take the URL from the field SeatMap.layoutUrl."
        errors = [plain_error(ErrorCode.BAD_REQUEST, message)]
        return JSONResponse({"errors": errors}, status_code=404)
    return _file_response(file, request)


def _file_response(file: LayoutFile, request: Request) -> Response:
    """Send it packed to whoever takes that; to whoever has it, only say that nothing changed."""
    packs = takes_gzip(request.headers.get("accept-encoding", ""))
    etag = f'"{file.content_hash}-gzip"' if packs else f'"{file.content_hash}"'
    headers = {"etag": etag, "cache-control": CACHE_CONTROL, "vary": "Accept-Encoding"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if packs:
        headers["content-encoding"] = "gzip"
    content = file.packed if packs else file.plain
    return Response(content, headers=headers, media_type="application/json")


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether a client unpacks what is sent packed, by its Accept-Encoding header."""
    for wish in accept_encoding.lower().split(","):
        coding, _, quality = wish.partition(";")
        if coding.strip() in {"gzip", "*"}:
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
