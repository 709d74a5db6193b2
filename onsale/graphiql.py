"""GraphiQL, the page to try the API with: files that `make graphiql` built from `web/graphiql/`.

All of it comes from our own origin, and its policy lets the browser ask no other. That policy has
one exception: the editor puts its colours into style elements, so inline styles are allowed.
Scripts are not, nor is `eval`.
"""

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from onsale.content_codings import Coding, taken_codings
from onsale.door import GRAPHIQL_PATH as PATH
from onsale.graphql.errors import plain_error
from onsale.layouts import CACHE_CONTROL
from schema.errors import ErrorCode

BUILT = Path(__file__).parent.parent / "web" / "graphiql" / "dist"
POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    "worker-src 'self'; "
    "style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; "
    "img-src 'self' data:; "
    "connect-src 'self'; "  # That is HTTP and, since CSP 3, sockets to our own host, too.
    "base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
#: Named here, for what a machine's own list says of them differs, and browsers may not guess.
MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
    ".md": "text/markdown",
}
#: What the build calls its files; nothing of this kind leads out of their folder.
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
NOT_BUILT = {
    "status": "unavailable",
    "problem": "GraphiQL has not been built. The API at /graphql does without it.",
    "action": "Run: make graphiql",
}


def graphiql_routes(folder: Path = BUILT) -> list[BaseRoute]:
    """Serve what is in the folder at the time: nobody restarts a server to build a page."""

    # Not `async`: Starlette lets such functions look at the disk beside the event loop.
    def page(request: Request) -> Response:
        return _sent(folder / "index.html", "no-cache", request) or _not_built(request)

    def licences(request: Request) -> Response:
        return _sent(folder / "licences.md", "no-cache", request) or _not_built(request)

    def asset(request: Request) -> Response:
        name = str(request.path_params["name"])
        file = folder / "assets" / name
        sent = _sent(file, CACHE_CONTROL, request) if NAME.fullmatch(name) else None
        return sent or _no_such_file()

    return [
        Route(PATH, page),
        Route(f"{PATH}/", page),
        Route(f"{PATH}/licences.md", licences),
        Route(f"{PATH}/assets/{{name}}", asset),
    ]


def lead_there(request: Request) -> Response | None:
    """Lead a person with a browser to GraphiQL; None for programs, which do not ask for pages."""
    return RedirectResponse(PATH, 303, {"vary": "Accept"}) if _wants_a_page(request) else None


def _sent(file: Path, cache_control: str, request: Request) -> Response | None:
    """Send a file, packed to whoever takes that: the build has put a packed copy beside it."""
    media_type = MEDIA_TYPES.get(file.suffix)
    if media_type is None or not file.is_file():
        return None
    headers = {**HEADERS, "cache-control": cache_control, "vary": "Accept-Encoding"}
    packed = file.with_name(f"{file.name}.gz")
    taken = taken_codings(request.headers.get("accept-encoding", ""))
    if Coding.GZIP in taken and packed.is_file():
        return FileResponse(packed, 200, {**headers, "content-encoding": "gzip"}, media_type)
    return FileResponse(file, 200, headers, media_type)


def _no_such_file() -> Response:
    message = "There is no such file. Load the page again, it may have been built anew."
    errors = [plain_error(ErrorCode.BAD_REQUEST, message)]
    return JSONResponse({"errors": errors}, 404, HEADERS)


def _not_built(request: Request) -> Response:
    headers = {**HEADERS, "cache-control": "no-store", "vary": "Accept"}
    if not _wants_a_page(request):
        return JSONResponse(NOT_BUILT, 503, headers)
    problem, action = NOT_BUILT["problem"], NOT_BUILT["action"]
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>onsale</title>'
        "<style>body { font: 1.1rem/1.6 system-ui, sans-serif; margin: 15vh auto; width: 36rem; "
        "max-width: 90%; color-scheme: light dark }</style>"
        f"<h1>onsale</h1><p>{problem}</p><p><strong>{action}</strong> and load this page again."
        "</html>"
    )
    return HTMLResponse(page, 503, headers)


def _wants_a_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
