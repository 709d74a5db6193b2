"""Which web pages may speak to us with a buyer's cookie."""

from collections.abc import Iterable, Mapping

from strawberry.http.websocket_origin import (
    is_same_origin,
    normalize_allowed_origins,
    normalize_origin,
)


class Origins:
    """The origins that the configuration allows, besides the server's own."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = normalize_allowed_origins(allowed)

    def allow(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request may come from the page that sends it.

        Browsers always name the page's origin; a program that does not is no browser, and nobody
        else's cookies are in it.
        """
        origin = headers.get("origin")
        if origin is None or headers.get("sec-fetch-site") == "same-origin":
            return True
        if is_same_origin(origin, headers.get("host")):
            return True
        return normalize_origin(origin) in self._allowed
