"""Which of the two JSON media types an answer gets, by the client's Accept header."""

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
ACCEPT_CHARACTERS_MAX = 1_000

#: What each range of an Accept header means to us. "Anything" means the older type, because who
#: asks for that may not know of the newer one and its status codes.
_OFFERS = {
    GRAPHQL_RESPONSE: GRAPHQL_RESPONSE,
    JSON: JSON,
    "application/*": JSON,
    "*/*": JSON,
}


def negotiate(accept: str | None) -> str | None:
    """Choose the media type the client likes best; None when it takes none of ours.

    Equal wishes are fulfilled in the client's order.
    """
    if accept is None or not accept.strip():
        return JSON
    best, best_quality = None, 0.0
    for wish in accept[:ACCEPT_CHARACTERS_MAX].split(","):
        media_range, *parameters = (part.strip().lower() for part in wish.split(";"))
        quality = _quality(parameters)
        if quality > best_quality and media_range in _OFFERS:
            best, best_quality = _OFFERS[media_range], quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
