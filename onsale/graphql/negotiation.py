"""How a client wants its answer: which of the two JSON media types, or as a stream of events."""

from dataclasses import dataclass

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
ACCEPT_CHARACTERS_MAX = 1_000

#: What each range of an Accept header means to us. "Anything" means the older type, because who
#: asks for that may not know of the newer one and its status codes.
_OFFERS = {
    GRAPHQL_RESPONSE: GRAPHQL_RESPONSE,
    JSON: JSON,
    "application/*": JSON,
    "*/*": JSON,
    EVENT_STREAM: EVENT_STREAM,
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a client takes."""

    #: What it likes best.
    media_type: str
    #: Whether it takes a stream at all. Only a stream can carry a subscription; everything else is
    #: streamed to those alone who like that best, as urql and others merely list it at the end.
    streams: bool = False


def negotiate(accept: str | None) -> Accepted | None:
    """Read an Accept header; None when it takes nothing that we have.

    Equal wishes are fulfilled in the client's order.
    """
    if accept is None or not accept.strip():
        return Accepted(JSON)
    best, best_quality, streams = None, 0.0, False
    for wish in accept[:ACCEPT_CHARACTERS_MAX].split(","):
        media_range, *parameters = (part.strip().lower() for part in wish.split(";"))
        quality = _quality(parameters)
        offer = _OFFERS.get(media_range)
        if offer == EVENT_STREAM and quality:
            streams = True
        if offer is not None and quality > best_quality:
            best, best_quality = offer, quality
    return Accepted(best, streams) if best else None


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
