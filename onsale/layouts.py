"""Seat maps' layouts as files that never change, so that any cache may keep them for ever."""

import asyncio
import gzip
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import brotli
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from box_office.database import Database
from box_office.published_seat_maps import layout_of
from onsale.content_codings import Coding, has_one_of, taken_codings
from onsale.graphql.errors import plain_error
from schema.errors import ErrorCode
from schema.ids import NodeKind, key_of

logger = logging.getLogger(__name__)

LAYOUT_CACHE_BYTES_MAX = 64 * 1024 * 1024
CACHE_CONTROL = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class LayoutFile:
    """A layout, plain and packed."""

    content_hash: str
    #: Plain always; brotli from when it is done.
    contents: Mapping[Coding, bytes]

    @property
    def size(self) -> int:
        """How many bytes of memory it takes."""
        return sum(map(len, self.contents.values()))

    def entity_tag(self, coding: Coding) -> str:
        """Name the file packed like this: a strong tag, for what it says and for its very bytes."""
        mark = "" if coding is Coding.IDENTITY else f"-{coding}"
        return f'"{self.content_hash}{mark}"'


class Layouts:
    """The layouts asked for last, each read from the database once and packed once.

    Brotli at its best makes a quarter of gzip's bytes and takes fifteen times as long (22 kB and
    0.3 s, 83 kB and 0.02 s, for 20,000 seats): until it is done, everybody gets gzip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Least recently asked for first.
        self._known: OrderedDict[UUID, LayoutFile] = OrderedDict()
        self._bytes = 0
        self._loading: dict[UUID, asyncio.Task[LayoutFile | None]] = {}
        self._packing: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()

    async def get(self, seat_map_id: UUID) -> LayoutFile | None:
        """Give the file; None when there is no such seat map."""
        known = self._known.get(seat_map_id)
        if known is not None:
            self._known.move_to_end(seat_map_id)
            return known
        loading = self._loading.get(seat_map_id)
        if loading is None:
            loading = self._loading[seat_map_id] = asyncio.create_task(self._load(seat_map_id))
            loading.add_done_callback(_look_at_failure)
        # Shielded: one client who gives up takes nothing from the others.
        return await asyncio.shield(loading)

    async def close(self) -> None:
        """Pack nothing more."""
        under_way = [*self._loading.values(), *self._packing]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _load(self, seat_map_id: UUID) -> LayoutFile | None:
        try:
            layout = await layout_of(self._database, seat_map_id)
            if layout is None:
                return None
            packed = await asyncio.to_thread(gzip.compress, layout.content, mtime=0)
        finally:
            del self._loading[seat_map_id]
        contents = {Coding.IDENTITY: layout.content, Coding.GZIP: packed}
        file = LayoutFile(layout.content_hash, contents)
        self._keep(seat_map_id, file)
        packing = asyncio.create_task(self._pack_best(seat_map_id, file))
        self._packing.add(packing)
        packing.add_done_callback(self._packing.discard)
        return file

    async def _pack_best(self, seat_map_id: UUID, file: LayoutFile) -> None:
        """Add brotli to a file; of many files one by one, so that sales keep the other cores."""
        async with self._one_at_a_time:
            packed = await asyncio.to_thread(_brotli, file.contents[Coding.IDENTITY])
        if self._known.get(seat_map_id) is file:
            contents = {**file.contents, Coding.BROTLI: packed}
            self._keep(seat_map_id, LayoutFile(file.content_hash, contents))

    def _keep(self, seat_map_id: UUID, file: LayoutFile) -> None:
        before = self._known.pop(seat_map_id, None)
        self._bytes += file.size - (before.size if before else 0)
        self._known[seat_map_id] = file
        while self._bytes > LAYOUT_CACHE_BYTES_MAX:
            _, forgotten = self._known.popitem(last=False)
            self._bytes -= forgotten.size


def _brotli(content: bytes) -> bytes:
    packed: bytes = brotli.compress(content, mode=brotli.MODE_TEXT)
    return packed


def _look_at_failure(loading: asyncio.Task[LayoutFile | None]) -> None:
    """Take note of a failed load, so that asyncio does not warn when every client has gone."""
    if not loading.cancelled():
        loading.exception()


async def serve_layout(layouts: Layouts, request: Request) -> Response:
    """Answer `GET /layouts/{id}-{hash}.json`, the id as the API gives it."""
    seat_map, _, content_hash = str(request.path_params["name"]).rpartition("-")
    seat_map_id = key_of(seat_map, NodeKind.SEAT_MAP)
    file = None if seat_map_id is None else await layouts.get(seat_map_id)
    if file is None or file.content_hash != content_hash:
        return _refusal(404, "There is no such layout. Take the URL from SeatMap.layoutUrl.")
    return _file_response(file, request)


def _file_response(file: LayoutFile, request: Request) -> Response:
    """Send it packed as the client likes best; to whoever has it, only say that nothing changed."""
    has = ", ".join(request.headers.getlist("if-none-match"))
    taken = taken_codings(", ".join(request.headers.getlist("accept-encoding")))
    ready = [coding for coding in taken if coding in file.contents]
    if not ready:
        return _refusal(406, "This file comes as br, gzip or identity; Accept-Encoding takes none.")
    for coding in ready:
        if has_one_of(has, file.entity_tag(coding)):
            return Response(status_code=304, headers=_headers(file, coding))
    coding, headers = ready[0], _headers(file, ready[0])
    if coding is not Coding.IDENTITY:
        headers["content-encoding"] = coding
    return Response(file.contents[coding], headers=headers, media_type="application/json")


def _headers(file: LayoutFile, coding: Coding) -> dict[str, str]:
    return {
        "etag": file.entity_tag(coding),
        "cache-control": CACHE_CONTROL,
        "vary": "Accept-Encoding",
    }


def _refusal(status: int, message: str) -> Response:
    errors = [plain_error(ErrorCode.BAD_REQUEST, message)]
    return JSONResponse({"errors": errors}, status, {"vary": "Accept-Encoding"})
